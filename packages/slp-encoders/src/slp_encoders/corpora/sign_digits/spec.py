"""Configuration of the importer of hand-sign digits."""

from __future__ import annotations

from attrs import field, frozen

from slp_core.spec import ComponentSpec


@frozen
class SignDigitsConfig:
    source: str = field(metadata={"help": "folder with the folders 0 to 9 of photos"})


SPEC = ComponentSpec(
    kind="corpus",
    config=SignDigitsConfig,
    factory="slp_encoders.corpora.sign_digits.importer:SignDigits",
    summary="Photos of hands that show the digits 0 to 9",
    example={"source": "sign-digits"},
)
