"""OpenAI's Python client, as the scripts share that send it to upstreams of any dialect."""

import openai
from pydantic import BaseModel

from scenarios import KEY, base_url

client = openai.OpenAI(
    base_url=f"{base_url()}/v1",
    api_key=KEY,
    max_retries=0,
    timeout=30,
    # Each answer and each event must be what the client's own types say.
    _strict_response_validation=True,
)


class Place(BaseModel):
    city: str
    days: int
