"""What is compared, each with an equivalent config: two nodes, users kept by cookie, connections
to clients and nodes kept alive, no access log."""

import http.client
import json
import os
import socket

from .http2 import ask_http2
from .machine import BenchError, Process, free_port
from .tls import GROUP, SUITE, VERSION, check_negotiation


class Setting:
    """What a proxy is asked to be. `nodes` are (address, port) pairs. `certificate` is there where
    clients speak TLS, who may then speak `minimum_tls` and newer. `http2`: whether they speak HTTP/2 (by
    prior knowledge where they do not speak TLS), `http2_nodes` the same of the nodes. The last are for who keeps a
    ledger: where it is, if it is there already, how long a session lasts, where the HTTP door is, and the name and
    the store of a member of a cluster, with the secret that all have."""

    def __init__(self, nodes, workers=1, pinned_to=(0,), certificate=None,
                 minimum_tls=VERSION.removeprefix("TLSv"), http2=False, http2_nodes=False,
                 sessions=1000000, state_dir=None, idle_timeout="20m", http_port=None, cluster=None,
                 secret_file=None):
        self.nodes = nodes
        self.workers = workers
        self.pinned_to = set(pinned_to)
        self.certificate = certificate
        self.minimum_tls = minimum_tls
        self.http2 = http2
        self.http2_nodes = http2_nodes
        self.sessions = sessions
        self.state_dir = state_dir
        self.idle_timeout = idle_timeout
        self.http_port = http_port
        self.cluster = cluster
        self.secret_file = secret_file


class Proxy:
    """A kind of proxy; `start` runs one."""

    sticky = True
    keeps_ledger = False
    http2_to_nodes = False

    def __init__(self, name, program):
        self.name = name
        self.program = program

    def command(self, folder, port, setting):
        raise NotImplementedError

    def start(self, folder, setting):
        os.makedirs(folder)
        port = free_port()
        process = Process(self.name, self.command(folder, port, setting), setting.pinned_to,
                          os.path.join(folder, "log"))
        try:
            process.wait_for_port(port)
            if setting.certificate:
                check_negotiation(self.name, port, setting.certificate)
            return Running(self, process, port, os.path.join(folder, "admin.sock"),
                           setting.certificate, setting.http2)
        except BaseException:
            process.stop()
            raise


def write(path, text):
    with open(path, "w") as out:
        out.write(text)
    return path


class Bonedry(Proxy):
    keeps_ledger = True
    http2_to_nodes = True

    @staticmethod
    def tls(setting):
        certificate = setting.certificate
        if not certificate:
            return 'alpn = ["h2c", "http/1.1"]' if setting.http2 else ""
        alpn = 'alpn = ["h2", "http/1.1"]' if setting.http2 else ""
        return f"""
[listener.tls]
{alpn}
minimum_version = "{setting.minimum_tls}"
cipher_suites = "{SUITE}"
groups = "{GROUP}"
certificates = [{{ certificate = "{certificate.path}", key = "{certificate.key_path}" }}]
"""

    @staticmethod
    def cluster(setting):
        if not setting.cluster:
            return ""
        name, store = setting.cluster
        return f'[cluster]\nname = "{name}"\nstore = "{store}"'

    def command(self, folder, port, setting):
        nodes = "".join(f"""
  [[pool.node]]
  name = "node{index}"
  address = "{address}:{node_port}"
""" for index, (address, node_port) in enumerate(setting.nodes))
        config = f"""
[server]
workers = {setting.workers}
state_dir = "{setting.state_dir or folder + "/state"}"
{f'secret_file = "{setting.secret_file}"' if setting.secret_file else ""}
{self.cluster(setting)}
[admin]
socket = "{folder}/admin.sock"
{f'http = "127.0.0.1:{setting.http_port}"' if setting.http_port else ""}
[log]
access = "off"
[timeouts]
idle = "600s"
[ledger]
sessions = {setting.sessions}
[[listener]]
address = "127.0.0.1:{port}"
pool = "shop"
{self.tls(setting)}
[[pool]]
name = "shop"
protocol = "{'h2' if setting.http2_nodes else 'h1'}"
[pool.session]
idle_timeout = "{setting.idle_timeout}"
{nodes}"""
        return [self.program, "--config", write(os.path.join(folder, "bonedry.toml"), config)]


class Http2Node(Proxy):
    """The origin, spoken to in HTTP/2: a bonedry before it, on the cores of the load."""

    sticky = False

    def command(self, folder, port, setting):
        ((address, node_port),) = setting.nodes
        config = f"""
[server]
workers = 1
state_dir = "{folder}/state"
[admin]
socket = "{folder}/admin.sock"
[log]
access = "off"
[timeouts]
idle = "600s"
[[listener]]
address = "127.0.0.1:{port}"
pool = "origin"
alpn = ["h2c", "http/1.1"]
[[pool]]
name = "origin"
[pool.session]
sticky = "none"
[[pool.node]]
name = "origin"
address = "{address}:{node_port}"
"""
        return [self.program, "--config", write(os.path.join(folder, "node.toml"), config)]


class HAProxy(Proxy):
    http2_to_nodes = True

    @staticmethod
    def tls(setting):
        certificate = setting.certificate
        if not certificate:
            return "proto h2" if setting.http2 else ""
        alpn = " alpn h2,http/1.1" if setting.http2 else ""
        return (f"ssl crt {certificate.path} ssl-min-ver TLSv{setting.minimum_tls} "
                f"ciphersuites {SUITE} curves {GROUP}{alpn}")

    def command(self, folder, port, setting):
        proto = " proto h2" if setting.http2_nodes else ""
        servers = "".join(f"  server node{i} {address}:{node_port} cookie node{i}{proto}\n"
                          for i, (address, node_port) in enumerate(setting.nodes))
        cache = "tune.ssl.cachesize 0" if setting.certificate else ""
        config = f"""
global
  nbthread {setting.workers}
  maxconn 20000
  ulimit-n 60000
  {cache}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  option http-keep-alive
  option splice-auto
  option forwardfor
  http-reuse always
frontend front
  bind 127.0.0.1:{port} {self.tls(setting)}
  default_backend shop
backend shop
  balance roundrobin
  cookie SRV insert indirect nocache
{servers}"""
        # Where the hard limit is lower than what 20,000 clients may need, HAProxy wants less asked.
        hard = os.sysconf("SC_OPEN_MAX")
        if hard < 60000:
            config = config.replace("maxconn 20000", f"maxconn {hard * 7 // 10}")
            config = config.replace("  ulimit-n 60000\n", "")
            config = config.replace("global\n", "global\n  no strict-limits\n")
        return [self.program, "-db", "-f", write(os.path.join(folder, "haproxy.cfg"), config)]


class Nginx(Proxy):
    @staticmethod
    def tls(setting):
        certificate = setting.certificate
        if not certificate:
            return ""
        versions = " ".join(sorted({f"TLSv{setting.minimum_tls}", VERSION}))
        return f"""
    ssl_certificate {certificate.path}; ssl_certificate_key {certificate.key_path};
    ssl_protocols {versions}; ssl_conf_command Ciphersuites {SUITE}; ssl_ecdh_curve {GROUP};
    ssl_session_cache off; ssl_session_tickets on;"""

    def command(self, folder, port, setting):
        nodes = [f"{address}:{node_port}" for address, node_port in setting.nodes]
        groups = "".join(f"  upstream node{i} {{ server {node}; keepalive 512; "
                         "keepalive_requests 100000000; }\n" for i, node in enumerate(nodes))
        servers = " ".join(f"server {node};" for node in nodes)
        routes = " ".join(f"node{i} node{i};" for i in range(len(nodes)))
        names = " ".join(f"{node} node{i};" for i, node in enumerate(nodes))
        # Open source nginx has no sticky cookies: a map from the cookie to a group of one node.
        single = "master_process off;" if setting.workers == 1 else ""
        listen = " ".join(["reuseport"] * (setting.workers > 1) +
                          ["ssl"] * (setting.certificate is not None) + ["http2"] * setting.http2)
        config = f"""
daemon off; {single} worker_processes {setting.workers}; worker_rlimit_nofile 20000;
pid {folder}/pid; error_log {folder}/error.log warn;
events {{ worker_connections 16000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; tcp_nodelay on;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  client_body_buffer_size 128k; proxy_max_temp_file_size 0;
  upstream nodes {{ {servers} keepalive 512; keepalive_requests 100000000; }}
{groups}
  map $cookie_route $group {{ default nodes; {routes} }}
  map $upstream_addr $name {{ default ""; {names} }}
  map $cookie_route $new {{ default ""; "" "route=$name; Path=/"; }}
  server {{
    listen 127.0.0.1:{port} {listen} backlog=4096;{self.tls(setting)}
    location / {{
      proxy_pass http://$group; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      add_header Set-Cookie $new;
    }}
  }}
}}
"""
        return [self.program, "-p", folder, "-c", write(os.path.join(folder, "nginx.conf"), config)]


class Relay(Proxy):
    sticky = False

    def __init__(self, name, program, mode):
        super().__init__(name, program)
        self.mode = mode

    def command(self, folder, port, setting):
        return [self.program, self.mode, str(port), str(setting.nodes[0][1])]


def ask_http1(running, method, path, cookie, body):
    """(status, fields by their names in lower case, bytes of the body) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    try:
        connection.sock = running.connect()
        connection.request(method, path, body, {"Cookie": cookie} if cookie else {})
        response = connection.getresponse()
        size = len(response.read())
        fields = {name.lower(): value for name, value in response.getheaders()}
        return response.status, fields, size
    finally:
        connection.close()


class Running:
    """A proxy at work. `admin_socket` is that of who keeps a ledger, `certificate` of who speaks
    TLS with clients, `http2` whether they speak HTTP/2."""

    def __init__(self, proxy, process, port, admin_socket, certificate=None, http2=False):
        self.proxy = proxy
        self.process = process
        self.port = port
        self.admin_socket = admin_socket
        self.certificate = certificate
        self.http2 = http2
        self.tls_context = certificate.client_context() if certificate else None
        self.cookies = []

    @property
    def name(self):
        return self.proxy.name

    @property
    def address(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def connect(self):
        """A socket of a client, encrypted where clients speak TLS."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        if not self.tls_context:
            return client
        try:
            return self.tls_context.wrap_socket(client, server_hostname="shop.example")
        except BaseException:
            client.close()
            raise

    def ask(self, method="GET", path="/b/64", cookie=None, body=None):
        """(node, cookie it set, bytes of the answer)"""
        exchange = ask_http2 if self.http2 else ask_http1
        status, fields, size = exchange(self, method, path, cookie, body)
        if status != 200:
            raise BenchError(f"{self.name} answered {status} to {method} {path}")
        new = fields.get("set-cookie")
        return fields.get("x-node"), new.split(";")[0] if new else None, size

    def meet_users(self, count):
        """Makes the cookies that the load goes with, and checks that they hold."""
        for _ in range(count if self.proxy.sticky else 0):
            node, cookie, _ = self.ask()
            if cookie is None:
                raise BenchError(f"{self.name} did not set a cookie for a new user")
            for _ in range(2):
                if self.ask(cookie=cookie)[0] != node:
                    raise BenchError(f"{self.name} does not keep a user on its node")
            self.cookies.append(cookie)

    def status(self):
        """What `status json` says, of who keeps a ledger."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(self.admin_socket)
            admin.sendall(b"status json\n")
            admin.shutdown(socket.SHUT_WR)
            with admin.makefile("rb") as answer:
                return json.load(answer)

    def check_body(self, path, size):
        if self.ask(path=path, cookie=self.cookies[0] if self.cookies else None)[2] != size:
            raise BenchError(f"{self.name} did not forward {path} completely")

    def stop(self):
        self.process.stop()
