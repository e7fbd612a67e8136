import json

import openai
from bridge import Client, serve
from pydantic import BaseModel

MODEL = "gpt-5.5"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


class Weather(BaseModel):
    city: str
    sunny: bool


class OpenAIChat(Client):
    def __init__(self, url):
        super().__init__(url)
        self.chat = openai.OpenAI(
            base_url=f"{url}/v1", api_key="sk-client", max_retries=0
        ).chat.completions

    def _create(self, messages, **more):
        return self.chat.create(model=MODEL, messages=messages, **more).choices[0].message

    def ask(self, question):
        return self._create([{"role": "user", "content": question}]).content

    def stream(self, question):
        messages = [{"role": "user", "content": question}]
        with self.chat.create(model=MODEL, messages=messages, stream=True) as stream:
            for chunk in stream:
                piece = chunk.choices[0].delta.content
                if piece:
                    yield piece

    def use_tools(self, question):
        messages = [{"role": "user", "content": question}]
        message = self._create(messages, tools=TOOLS)
        messages.append(message)
        for call in message.tool_calls:
            json.loads(call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "sun"})
        return self._create(messages, tools=TOOLS).content

    def ask_json(self, question):
        messages = [{"role": "user", "content": question}]
        parsed = self.chat.parse(model=MODEL, messages=messages, response_format=Weather)
        return parsed.choices[0].message.parsed.model_dump()

    def ask_about_picture(self, question, png):
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}}
        content = [{"type": "text", "text": question}, image]
        return self._create([{"role": "user", "content": content}]).content

    def status_of(self, error):
        return error.status_code if isinstance(error, openai.RateLimitError) else None


if __name__ == "__main__":
    serve(OpenAIChat)
