"""Asking a causal language model, one prompt a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slp_core.files import remembered_hash
from slp_llm.annotators.pseudo_gloss.spec import PseudoGlossConfig


class Asked:
    """A Hugging Face causal language model, opened when it is asked first.

    Its answers are greedy: the likeliest token at every step, whatever the checkpoint's own
    generation settings. A tokenizer with a chat template is asked as the user of a chat.

    Raises:
        UserError: there is no such checkpoint, or it lacks weights.
    """

    def __init__(self, config: PseudoGlossConfig) -> None:
        self.config = config
        self._opened: tuple[Any, Any] | None = None

    @property
    def identity(self) -> dict[str, str | int]:
        """What an answer depends on beside the sentence. A folder is told by its content."""
        config = self.config
        local = Path(config.model).is_dir()
        return {
            "model": remembered_hash(Path(config.model)) if local else config.model,
            "prompt": config.prompt,
            "max_new_tokens": config.max_new_tokens,
            "dtype": config.dtype,
        }

    def answer(self, sentences: Sequence[str]) -> list[str]:
        """What the model says to each; batches are padded on the left, which changes no answer."""
        import torch

        model, tokenizer = self._opened = self._opened or self._open()
        prompts = [self._prompt(tokenizer, sentence) for sentence in sentences]
        chat = tokenizer.chat_template is not None  # whose text holds its special tokens
        batch = tokenizer(
            prompts, return_tensors="pt", padding=True, add_special_tokens=not chat
        ).to(model.device)
        batch.pop("token_type_ids", None)
        with torch.inference_mode():
            said = model.generate(**batch)[:, batch["input_ids"].shape[1] :]
        return tokenizer.batch_decode(said, skip_special_tokens=True)

    def provenance(self) -> dict[str, str]:
        import transformers

        commit = self._opened and getattr(self._opened[0].config, "_commit_hash", None)
        facts = {"transformers": transformers.__version__, "model": str(self.identity["model"])}
        return facts | ({"commit": commit} if commit else {})

    def _prompt(self, tokenizer: Any, sentence: str) -> str:
        text = self.config.prompt.replace("{text}", sentence)
        if tokenizer.chat_template is None:
            return text
        return tokenizer.apply_chat_template(
            [{"role": "user", "content": text}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,  # of templates that know it (Qwen 3)
        )

    def _open(self) -> tuple[Any, Any]:
        import torch
        from transformers import GenerationConfig

        from slp_llm.decoders.causal_lm.model import KIND
        from slp_llm.decoders.pretrained import open_checkpoint, quiet

        options = {"dtype": getattr(torch, self.config.dtype)}
        with quiet():
            model, tokenizer = open_checkpoint(self.config.model, KIND, "pseudo-gloss", options)
        own = model.generation_config
        end = tokenizer.eos_token_id if own.eos_token_id is None else own.eos_token_id
        tokenizer.padding_side = "left"
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
        model.generation_config = GenerationConfig(
            do_sample=False,
            max_new_tokens=self.config.max_new_tokens,
            bos_token_id=own.bos_token_id,
            eos_token_id=end,
            pad_token_id=tokenizer.pad_token_id,
        )
        return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer
