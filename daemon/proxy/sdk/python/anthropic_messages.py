import anthropic
from bridge import Client, serve
from pydantic import BaseModel

MODEL = "claude-opus-5-5"
TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather of a city",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
]


class Weather(BaseModel):
    city: str
    sunny: bool


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


class AnthropicMessages(Client):
    def __init__(self, url):
        super().__init__(url)
        self.messages = anthropic.Anthropic(
            base_url=url, api_key="sk-ant-client", max_retries=0
        ).messages

    def _create(self, messages, **more):
        return self.messages.create(model=MODEL, max_tokens=1024, messages=messages, **more)

    def ask(self, question):
        return text_of(self._create([{"role": "user", "content": question}]))

    def stream(self, question):
        messages = [{"role": "user", "content": question}]
        with self.messages.stream(model=MODEL, max_tokens=1024, messages=messages) as stream:
            yield from stream.text_stream

    def use_tools(self, question):
        messages = [{"role": "user", "content": question}]
        first = self._create(messages, tools=TOOLS)
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "sun"}
            for block in first.content
            if block.type == "tool_use"
        ]
        messages.append({"role": "assistant", "content": first.content})
        messages.append({"role": "user", "content": results})
        return text_of(self._create(messages, tools=TOOLS))

    def ask_json(self, question):
        parsed = self.messages.parse(
            model=MODEL,
            max_tokens=1024,
            messages=[{"role": "user", "content": question}],
            output_format=Weather,
        )
        return parsed.parsed_output.model_dump()

    def ask_about_picture(self, question, png):
        source = {"type": "base64", "media_type": "image/png", "data": png}
        content = [{"type": "image", "source": source}, {"type": "text", "text": question}]
        return text_of(self._create([{"role": "user", "content": content}]))

    def status_of(self, error):
        return error.status_code if isinstance(error, anthropic.RateLimitError) else None


if __name__ == "__main__":
    serve(AnthropicMessages)
