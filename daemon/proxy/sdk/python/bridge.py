"""Lets a test in another process use a Python client library.

One JSON object a line comes in: {"id", "do", "url", "question", "png"}. Lines go out: {"id", "piece"} for
each piece of a stream, then {"id", "result"} or {"id", "error": {"type", "status", "message"}}.
"""

import json
import sys


class Client:
    """What a library must be able to do; see sdk.contract.ts."""

    def __init__(self, url):
        self.url = url

    def ask(self, question):
        raise NotImplementedError

    def stream(self, question):
        """Yields pieces of text; closing the generator leaves the stream."""
        raise NotImplementedError

    def use_tools(self, question):
        raise NotImplementedError

    def ask_json(self, question):
        raise NotImplementedError

    def ask_about_picture(self, question, png):
        raise NotImplementedError

    def status_of(self, error):
        """The HTTP status of an error of the library's own class, None for any other error."""
        raise NotImplementedError


def serve(client_class):
    """Answers what comes in until the input ends."""
    for line in sys.stdin:
        command = json.loads(line)
        client = client_class(command["url"])

        def say(**fields):
            print(json.dumps({"id": command["id"], **fields}), flush=True)

        try:
            result = _do(client, command, say)
            say(result=result)
        except Exception as error:  # the test decides what it was to be
            kind = type(error)
            name = f"{kind.__module__}.{kind.__name__}"
            message = str(getattr(error, "message", None) or error)
            say(error={"type": name, "status": client.status_of(error), "message": message})


def _do(client, command, say):
    question = command["question"]
    match command["do"]:
        case "ask":
            return client.ask(question)
        case "stream":
            for piece in client.stream(question):
                say(piece=piece)
            return None
        case "leave":
            stream = client.stream(question)
            next(stream)
            stream.close()
            return None
        case "use_tools":
            return client.use_tools(question)
        case "ask_json":
            return client.ask_json(question)
        case "ask_about_picture":
            return client.ask_about_picture(question, command["png"])
        case other:
            raise ValueError(f"nothing is known about {other}")
