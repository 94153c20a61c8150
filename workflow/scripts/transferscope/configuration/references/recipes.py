"""What a recipe asks of the models that are trained by it, and its keys of each other."""

from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, shown


def check(settings: Settings) -> None:
    """The learning rate falls while a run lasts, and a crop leaves something of the image."""
    for path, models in _recipes(settings).items():
        recipe = settings.at(*path)
        if recipe is None:
            continue
        last = recipe.get("memorise", recipe)["epochs"]
        for position, epoch in enumerate(recipe["drops"]):
            if epoch >= last:
                expected = f"at most {last - 1}, as there are {last} epochs"
                settings.reject((*path, "drops", position), expected, shown(epoch))
        crop = recipe.get("augment", {}).get("crop", 0)
        for model in models:
            side = settings.at("models", model, "image_size")
            if side is not None and crop >= side:
                expected = f"at most {side - 1}, as '{model}' sees images of {side} pixels"
                settings.reject((*path, "augment", "crop"), expected, shown(crop))


def _recipes(settings: Settings) -> dict[KeyPath, list[str]]:
    """Where each recipe stands, and the models that are trained by it."""
    by_section = {("tas",): settings.names("tas", "models")}
    for paper in ("anb", "quanta", "convergent"):
        by_section[paper,] = [settings.at(paper, "model")]
    for phase in ("pretraining", "finetuning"):
        by_section["similarity", phase] = [settings.at("similarity", "model")]
    by_section["basins", "source"] = [settings.at("basins", "model")]
    by_section |= {("models", model, "source"): [model] for model in settings.names("models")}
    by_treatment = {("basins", "recipes", name): by_section["basins", "source"] for name in ("pretrained", "random")}
    return {(*section, "recipe"): models for section, models in by_section.items()} | by_treatment
