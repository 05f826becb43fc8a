"""Transports to schedulers: programs of this host, and an HTTP server on loopback."""

import contextlib
import http.server
import json
import socket
import socketserver
import sys
import threading

import pytest

from foa.executors.scheduler import Answer, Command, HttpCall, NoAnswer
from foa.executors.transport import HttpServer, passed_on, run_command


def python(code, **environment):
    return Command((sys.executable, "-c", code), environment)


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent; below /away, that its server is away; /endless never ends."""

    def do_POST(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        said = {"path": self.path, "token": self.headers.get("Token"), "content": content}
        body = json.dumps(said).encode()
        self.send_response(503 if self.path.startswith("/away") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                while True:
                    self.wfile.write(b"[")
        else:
            self.do_POST()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    """Let a server answer until the test is over."""
    with contextlib.ExitStack() as running:

        def start(server):
            running.enter_context(server)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            running.callback(thread.join)
            running.callback(server.shutdown)

        yield start


@pytest.fixture
def url(serve):
    server = http.server.HTTPServer(("127.0.0.1", 0), Echo)
    serve(server)
    return f"http://127.0.0.1:{server.server_port}"


def test_a_program_answers_with_exit_code_and_both_outputs():
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    assert run_command(python(code)) == Answer(sys.executable, 3, "out\n", "err\n")


def test_an_odd_byte_in_a_programs_output_is_replaced():
    code = "import os; os.write(1, b'n\\xff1'); os.write(2, b'\\xfe')"
    answer = run_command(python(code))
    assert (answer.out, answer.err) == ("n\N{REPLACEMENT CHARACTER}1", "\N{REPLACEMENT CHARACTER}")


def test_a_program_gets_the_environment_of_its_call_only(monkeypatch):
    monkeypatch.setenv("FOA_SECRET", "x")
    answer = run_command(
        python("import os; print('FOA_SECRET' in os.environ, os.environ['A'])", A="b")
    )
    assert answer.out == "False b\n"


def test_a_program_that_does_not_end_in_time_gives_no_answer():
    with pytest.raises(NoAnswer, match="did not answer in time"):
        run_command(python("import time; time.sleep(60)"), timeout_s=0.05)


def test_a_program_that_is_not_there_gives_no_answer():
    with pytest.raises(NoAnswer, match="no-such-program: No such file"):
        run_command(Command(("no-such-program",), {}))


def test_only_harmless_variables_and_those_of_the_scheduler_are_passed_on(monkeypatch):
    for name in ("LC_ALL", "MADE_UP_CONF", "AMQP_PASSWORD"):
        monkeypatch.setenv(name, "x")
    variables = passed_on("MADE_UP_")
    assert {"LC_ALL", "MADE_UP_CONF", "PATH"} <= set(variables)
    assert "AMQP_PASSWORD" not in variables
    assert "MADE_UP_CONF" not in passed_on()


def test_a_server_answers_with_status_and_body(url):
    call = HttpCall("POST", "/jobs", params={"a": "b"}, json={"c": 1})
    answer = HttpServer(url).ask(call)
    said = json.loads(answer.out)
    assert (answer.source, answer.code, answer.err) == (url, 200, "OK")
    assert (said["path"], json.loads(said["content"])) == ("/jobs?a=b", {"c": 1})


def test_headers_are_made_for_every_request(url):
    tokens = iter(["first", "second"])
    server = HttpServer(url, lambda: {"Token": next(tokens)})
    answers = [server.ask(HttpCall("GET", "/jobs")) for _ in range(2)]
    assert [json.loads(answer.out)["token"] for answer in answers] == ["first", "second"]


def test_a_server_that_is_away_gives_no_answer(url):
    with pytest.raises(NoAnswer, match=f"{url}: 503 Service Unavailable"):
        HttpServer(url).ask(HttpCall("GET", "/away"))


def test_an_answer_that_does_not_end_in_time_is_none(url):
    with pytest.raises(NoAnswer, match="did not answer in time"):
        HttpServer(url, timeout_s=0.5).ask(HttpCall("GET", "/endless"))


def test_an_address_where_nobody_listens_gives_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(NoAnswer, match=url):
        HttpServer(url).ask(HttpCall("GET", "/jobs"))


def test_a_server_may_listen_on_a_socket_of_this_host(serve, tmp_path):
    path = str(tmp_path / "socket")
    serve(socketserver.UnixStreamServer(path, Echo))
    assert HttpServer(f"unix:{path}").ask(HttpCall("GET", "/jobs")).code == 200


def test_a_token_that_is_no_text_gives_no_answer(url, tmp_path):
    (tmp_path / "token").write_bytes(b"\xff")

    def read_token():
        return {"Token": (tmp_path / "token").read_text(encoding="utf-8")}

    with pytest.raises(NoAnswer, match=url):
        HttpServer(url, read_token).ask(HttpCall("GET", "/"))


def test_a_missing_token_gives_no_answer(url, tmp_path):
    def read_token():
        return {"Token": (tmp_path / "token").read_text()}

    with pytest.raises(NoAnswer, match="No such file"):
        HttpServer(url, read_token).ask(HttpCall("GET", "/"))
