#include "proxy/pass_in_request.h"

#include "proxy/request_cookies.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace bonedry::proxy {
namespace {

using Place = PassInRequest::Place;
using Count = PassInRequest::Count;

/// The value of one piece of a query ("name=value" or "name"), if it is the parameter.
std::optional<std::string_view> value_of(std::string_view piece) {
  if (!piece.starts_with(kPassParameter)) return std::nullopt;
  piece.remove_prefix(kPassParameter.size());
  if (piece.empty()) return piece;
  if (piece.front() != '=') return std::nullopt;
  return piece.substr(1);
}

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
}

/// Calls `callback` with each piece between the "&" of a query.
template <class Callback>
void each_piece(std::string_view query, const Callback& callback) {
  for (;;) {
    const std::size_t end = query.find('&');
    callback(query.substr(0, end));
    if (end == std::string_view::npos) return;
    query.remove_prefix(end + 1);
  }
}

void note(Place place, std::string_view value, PassInRequest& found) {
  found.count = found.place == place ? Count::several : Count::one;
  if (found.place == place) return;
  found.place = place;
  found.value = value;
}

void find_in_query(std::string_view path, PassInRequest& found) {
  const std::string_view query = query_of(path);
  if (query.find(kPassParameter) == std::string_view::npos) return;
  each_piece(query, [&found](std::string_view piece) {
    if (const auto value = value_of(piece)) note(Place::query, *value, found);
  });
}

}  // namespace

PassInRequest find_pass(const http::Head& request, std::string_view path, std::string_view cookie) {
  PassInRequest found;
  find_in_query(path, found);
  if (found.place != Place::none) return found;
  for (const http::Field& field : request.fields) {
    if (field.id == http::FieldName::bonedry_pass) note(Place::field, request.value(field), found);
  }
  if (found.place == Place::none && has_cookie(request, cookie)) found.place = Place::cookie;
  return found;
}

bool has_pass_parameter(std::string_view target) {
  PassInRequest found;
  find_in_query(target, found);
  return found.place != Place::none;
}

std::string without_pass(std::string_view target) {
  const std::string_view query = query_of(target);
  std::string kept(target.substr(0, target.size() - query.size()));
  if (!kept.ends_with('?')) return kept;
  kept.pop_back();
  char separator = '?';
  each_piece(query, [&](std::string_view piece) {
    if (value_of(piece)) return;
    kept += separator;
    kept += piece;
    separator = '&';
  });
  return kept;
}

std::string location_without_pass(std::string_view path) {
  const std::string kept = without_pass(path);
  const bool names_host = kept.size() > 1 && (kept[1] == '/' || kept[1] == '\\');
  return names_host ? "/." + kept : kept;
}

}  // namespace bonedry::proxy
