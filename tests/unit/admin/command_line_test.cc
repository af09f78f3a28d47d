#include "admin/command_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<Word>;

Words words_of(std::string_view line) {
  const auto words = split_words(line);
  return words ? *words : Words{{"failed: " + words.error()}};
}

std::string error_of(std::string_view line) {
  const auto parsed = parse_command_line(line);
  return parsed ? "" : parsed.error();
}

TEST(SplitWords, PartsAtBlanks) {
  EXPECT_EQ(words_of("  bleed \t shop/alice  "),
            (Words{{"bleed", Quoting::none}, {"shop/alice", Quoting::none}}));
  EXPECT_EQ(words_of(" \t "), Words{});
}

TEST(SplitWords, DoubleQuotesKeepBlanksAndKnowTwoEscapes) {
  EXPECT_EQ(words_of(R"("two words" --reason="a b" "\"\\" "")"),
            (Words{{"two words", Quoting::from_start},
                   {"--reason=a b", Quoting::inside},
                   {"\"\\", Quoting::from_start},
                   {"", Quoting::from_start}}));
  EXPECT_EQ(words_of(R"(a\b)"), (Words{{R"(a\b)", Quoting::none}}));
}

TEST(SplitWords, RefusesWhatIsHalfWritten) {
  EXPECT_EQ(split_words(R"(bleed "alice)").error(), "missing closing double quote");
  EXPECT_EQ(split_words(R"(bleed "alice\)").error(), "missing closing double quote");
  EXPECT_EQ(split_words(R"("a\n")").error(),
            R"(invalid escape '\n' in double quotes; use \" or \\)");
}

TEST(SplitWords, HasABound) {
  std::string line;
  for (std::size_t i = 0; i < kMaxWords; ++i) line += "x ";
  EXPECT_TRUE(split_words(line));
  EXPECT_EQ(split_words(line + "x").error(), "a command has at most 32 words");
}

TEST(Quoted, ComesBackAsItWas) {
  for (const std::string word : {"", "a b", R"(she said "no" \ yes)", "--force", "json"}) {
    EXPECT_EQ(words_of(quote_word(word)), (Words{{word, Quoting::from_start}}));
  }
}

TEST(ParseCommandLine, ReadsPositionalsAndOptionsInAnyOrder) {
  for (const std::string_view line :
       {R"(bleed shop/alice --deadline 30m --reason "update 4.2" --force json)",
        R"(bleed --force --reason="update 4.2" --deadline=30m shop/alice json)"}) {
    const auto parsed = parse_command_line(line);
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(parsed->command->id, CommandId::bleed);
    EXPECT_EQ(parsed->positionals, std::vector<std::string>{"shop/alice"});
    EXPECT_EQ(parsed->duration("deadline"), 30min);
    EXPECT_EQ(parsed->text("reason"), "update 4.2");
    EXPECT_TRUE(parsed->has("force"));
    EXPECT_EQ(parsed->format, Format::json);
  }
}

TEST(ParseCommandLine, WhatWasNotGivenIsEmpty) {
  const auto parsed = parse_command_line("bleed alice");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->duration("deadline"), std::nullopt);
  EXPECT_EQ(parsed->text("reason"), "");
  EXPECT_FALSE(parsed->has("force"));
  EXPECT_EQ(parsed->format, Format::text);
}

TEST(ParseCommandLine, ReadsCounts) {
  EXPECT_EQ(parse_command_line("sessions alice --limit 10000")->count("limit"), 10000U);
  for (const std::string bad : {"0", "10001", "-1", "ten", "1x", "\"\"", "99999999999999999999"}) {
    EXPECT_NE(error_of("sessions alice --limit " + bad).find("--limit takes"), std::string::npos)
        << bad;
  }
}

TEST(ParseCommandLine, TheLastBareWordJsonIsTheFormat) {
  EXPECT_EQ(parse_command_line("status json")->format, Format::json);
  EXPECT_TRUE(parse_command_line("status json")->positionals.empty());
  const auto pool = parse_command_line("status \"json\"");
  EXPECT_EQ(pool->format, Format::text);
  EXPECT_EQ(pool->positionals, std::vector<std::string>{"json"});
  EXPECT_EQ(parse_command_line("status json json")->positionals, std::vector<std::string>{"json"});
}

TEST(ParseCommandLine, AQuotedWordIsNoOption) {
  EXPECT_EQ(parse_command_line("wait \"--timeout\"")->positionals,
            std::vector<std::string>{"--timeout"});
  EXPECT_EQ(parse_command_line("bleed a --reason \"--force\"")->text("reason"), "--force");
}

TEST(ParseCommandLine, SaysWhatIsWrong) {
  EXPECT_EQ(error_of(""), "no command; 'help' lists the commands");
  EXPECT_EQ(error_of("bled alice"), "unknown command 'bled'; did you mean 'bleed'?");
  EXPECT_EQ(error_of("frobnicate"), "unknown command 'frobnicate'; 'help' lists the commands");
  EXPECT_EQ(
      error_of("bleed"),
      "bleed needs a node; usage: bleed NODE [--deadline D] [--reason TEXT] [--force] [--local]");
  EXPECT_EQ(
      error_of("bleed \"\""),
      "bleed needs a node, not an empty word; usage: bleed NODE [--deadline D] [--reason TEXT] "
      "[--force] [--local]");
  EXPECT_EQ(error_of("wait alice bob"),
            "wait: unexpected argument 'bob'; usage: wait NODE [--healthy] [--timeout D]");
  EXPECT_EQ(error_of("wait alice --force"),
            "wait: unknown option '--force'; usage: wait NODE [--healthy] [--timeout D]");
  EXPECT_EQ(error_of("wait alice -t 3s"),
            "wait: unknown option '-t'; usage: wait NODE [--healthy] [--timeout D]");
  EXPECT_EQ(error_of("wait alice --timeout"),
            "--timeout takes a value; usage: wait NODE [--healthy] [--timeout D]");
  EXPECT_EQ(error_of("bleed a --deadline --force"),
            "--deadline takes a value; usage: bleed NODE [--deadline D] [--reason TEXT] [--force] "
            "[--local]");
  EXPECT_EQ(error_of("wait alice --timeout soon"),
            "--timeout takes a duration such as 90s, 20m or 12h, not 'soon'");
  EXPECT_EQ(error_of("wait a --timeout 1s --timeout 2s"), "--timeout is given more than once");
  EXPECT_EQ(error_of("bleed a --force=yes"), "--force takes no value");
}

TEST(ParseCommandLine, RefusesControlCharactersAndShowsNone) {
  EXPECT_EQ(error_of("status \x1b[2J"),
            "control character \\x1b at byte 8; a command is a single line of text");
  EXPECT_EQ(error_of(std::string("status\0", 7)),
            "control character \\x00 at byte 7; a command is a single line of text");
  EXPECT_EQ(error_of("\xff"), "unknown command '\\xff'; 'help' lists the commands");
}

TEST(ParseCommandLine, AReasonHasABound) {
  EXPECT_TRUE(parse_command_line("bleed a --reason " + std::string(256, 'r')));
  EXPECT_EQ(error_of("bleed a --reason " + std::string(257, 'r')),
            "--reason takes at most 256 bytes, not 257");
}

}  // namespace
}  // namespace bonedry::admin
