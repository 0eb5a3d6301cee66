"""What the service of a user's strategy is told by its environment."""

from typing import Annotated

from pydantic import Field

from tidewright.serving.settings import ServingSettings


class StrategySettings(ServingSettings):
    """Beside what every service is told: which class."""

    strategy: Annotated[str, Field(max_length=512, pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")]
    """The strategy, as `module:class`; the module is looked for in the working directory, then on the Python path."""
