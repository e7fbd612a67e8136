import openai
from bridge import Client, serve
from pydantic import BaseModel

MODEL = "gpt-5.6"
TOOLS = [
    {
        "type": "function",
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    }
]


class Weather(BaseModel):
    city: str
    sunny: bool


class OpenAIResponses(Client):
    def __init__(self, url):
        super().__init__(url)
        self.responses = openai.OpenAI(
            base_url=f"{url}/v1", api_key="sk-client", max_retries=0
        ).responses

    def ask(self, question):
        return self.responses.create(model=MODEL, input=question).output_text

    def stream(self, question):
        with self.responses.create(model=MODEL, input=question, stream=True) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    yield event.delta

    def use_tools(self, question):
        given = [{"role": "user", "content": question}]
        first = self.responses.create(model=MODEL, input=given, tools=TOOLS, store=False)
        for item in first.output:
            if item.type == "function_call":
                given.append(
                    {
                        "type": "function_call",
                        "call_id": item.call_id,
                        "name": item.name,
                        "arguments": item.arguments,
                    }
                )
                given.append(
                    {"type": "function_call_output", "call_id": item.call_id, "output": "sun"}
                )
        return self.responses.create(
            model=MODEL, input=given, tools=TOOLS, store=False
        ).output_text

    def ask_json(self, question):
        parsed = self.responses.parse(model=MODEL, input=question, text_format=Weather)
        return parsed.output_parsed.model_dump()

    def ask_about_picture(self, question, png):
        image = {"type": "input_image", "image_url": f"data:image/png;base64,{png}"}
        content = [{"type": "input_text", "text": question}, image]
        given = [{"role": "user", "content": content}]
        return self.responses.create(model=MODEL, input=given).output_text

    def status_of(self, error):
        return error.status_code if isinstance(error, openai.RateLimitError) else None


if __name__ == "__main__":
    serve(OpenAIResponses)
