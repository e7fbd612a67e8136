import json

import ollama
from bridge import Client, serve

MODEL = "llama3.2"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "sunny": {"type": "boolean"}},
}


class OllamaChat(Client):
    def __init__(self, url):
        super().__init__(url)
        self.client = ollama.Client(host=url)

    def _chat(self, messages, **more):
        return self.client.chat(model=MODEL, messages=messages, **more).message

    def ask(self, question):
        return self._chat([{"role": "user", "content": question}]).content

    def stream(self, question):
        messages = [{"role": "user", "content": question}]
        for part in self.client.chat(model=MODEL, messages=messages, stream=True):
            if part.message.content:
                yield part.message.content

    def use_tools(self, question):
        messages = [{"role": "user", "content": question}]
        message = self._chat(messages, tools=TOOLS)
        messages.append(message)
        for call in message.tool_calls:
            messages.append({"role": "tool", "tool_name": call.function.name, "content": "sun"})
        return self._chat(messages, tools=TOOLS).content

    def ask_json(self, question):
        messages = [{"role": "user", "content": question}]
        return json.loads(self._chat(messages, format=WEATHER).content)

    def ask_about_picture(self, question, png):
        return self._chat([{"role": "user", "content": question, "images": [png]}]).content

    def status_of(self, error):
        return error.status_code if isinstance(error, ollama.ResponseError) else None


if __name__ == "__main__":
    serve(OllamaChat)
