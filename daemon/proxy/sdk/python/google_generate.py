import base64
import json

from bridge import Client, serve
from google import genai
from google.genai import errors, types

MODEL = "gemini-3-pro"
WEATHER = types.FunctionDeclaration(
    name="get_weather",
    description="The weather of a city",
    parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}},
)


class GoogleGenerate(Client):
    def __init__(self, url):
        super().__init__(url)
        # Kept: the client closes its connections when nobody refers to it any more.
        self.client = genai.Client(
            api_key="AIza-client", http_options=types.HttpOptions(base_url=url)
        )
        self.models = self.client.models

    def ask(self, question):
        return self.models.generate_content(model=MODEL, contents=question).text

    def stream(self, question):
        for chunk in self.models.generate_content_stream(model=MODEL, contents=question):
            if chunk.text:
                yield chunk.text

    def use_tools(self, question):
        contents = [types.Content(role="user", parts=[types.Part(text=question)])]
        config = types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=[WEATHER])]
        )
        first = self.models.generate_content(model=MODEL, contents=contents, config=config)
        contents.append(first.candidates[0].content)
        results = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=call.id, name=call.name, response={"output": "sun"}
                )
            )
            for call in first.function_calls
        ]
        contents.append(types.Content(role="user", parts=results))
        return self.models.generate_content(model=MODEL, contents=contents, config=config).text

    def ask_json(self, question):
        config = types.GenerateContentConfig(
            response_mime_type="application/json",
            response_json_schema={
                "type": "object",
                "properties": {"city": {"type": "string"}, "sunny": {"type": "boolean"}},
            },
        )
        answer = self.models.generate_content(model=MODEL, contents=question, config=config)
        return json.loads(answer.text)

    def ask_about_picture(self, question, png):
        image = types.Part.from_bytes(data=base64.b64decode(png), mime_type="image/png")
        contents = [types.Content(role="user", parts=[image, types.Part(text=question)])]
        return self.models.generate_content(model=MODEL, contents=contents).text

    def status_of(self, error):
        return error.code if isinstance(error, errors.ClientError) else None


if __name__ == "__main__":
    serve(GoogleGenerate)
