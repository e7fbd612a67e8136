import json
import sys

import litellm
from bridge import Client, serve
from pydantic import BaseModel

litellm.telemetry = False
litellm.suppress_debug_info = True

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

# What each provider is named, and where below the proxy its API begins.
PROVIDERS = {
    "openai": ("openai/gpt-5.5", "/v1", "sk-client"),
    "anthropic": ("anthropic/claude-opus-5-5", "", "sk-ant-client"),
    "ollama": ("ollama_chat/llama3.2", "", "none"),
}
MODEL, PATH, KEY = PROVIDERS[sys.argv[1]]


class Weather(BaseModel):
    city: str
    sunny: bool


class LiteLLM(Client):
    def _complete(self, messages, **more):
        return litellm.completion(
            model=MODEL,
            messages=messages,
            api_base=self.url + PATH,
            api_key=KEY,
            num_retries=0,
            max_retries=0,
            **more,
        )

    def _message(self, messages, **more):
        return self._complete(messages, **more).choices[0].message

    def ask(self, question):
        return self._message([{"role": "user", "content": question}]).content

    def stream(self, question):
        for chunk in self._complete([{"role": "user", "content": question}], stream=True):
            piece = chunk.choices[0].delta.content
            if piece:
                yield piece

    def use_tools(self, question):
        messages = [{"role": "user", "content": question}]
        message = self._message(messages, tools=TOOLS)
        messages.append(message.model_dump())
        for call in message.tool_calls:
            result = {"role": "tool", "tool_call_id": call.id, "name": "get_weather"}
            messages.append({**result, "content": "sun"})
        return self._message(messages, tools=TOOLS).content

    def ask_json(self, question):
        messages = [{"role": "user", "content": question}]
        return json.loads(self._message(messages, response_format=Weather).content)

    def ask_about_picture(self, question, png):
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}}
        content = [{"type": "text", "text": question}, image]
        return self._message([{"role": "user", "content": content}]).content

    def status_of(self, error):
        known = (litellm.RateLimitError, litellm.APIConnectionError, litellm.APIError)
        return error.status_code if isinstance(error, known) else None


if __name__ == "__main__":
    serve(LiteLLM)
