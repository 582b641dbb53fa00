"""What `memscope train-family --dry-run` tells: models, time, disk, and how precise the scores will be."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memscope.steps.forecast import Forecast


def show_forecast(forecast: "Forecast", until_asked: bool, as_json: bool) -> None:
    from memscope.tables.printing import decimals, duration, print_json, say, size_of, table

    plan, pilot = forecast.plan, {one.size: one for one in forecast.pilot}
    if as_json:
        print_json(forecast_summary(forecast))
        return
    table(
        f"To be trained ({plan.family}, {plan.precision}, {forecast.steps} steps of {plan.recipe.batch_size})",
        [plan.axis, "models", "parameters", "s / model"],
        [
            [
                str(each.size),
                str(each.models),
                "-" if each.parameters is None else f"{each.parameters:,}",
                decimals(each.seconds_per_model, 2),
            ]
            for each in forecast.sizes
        ],
    )
    if forecast.seconds is None:
        say("Time: not estimated, the training is your own.")
    else:
        say(f"Time: about {duration(forecast.seconds)} with {forecast.workers} workers, beside some seconds to start.")
    say(
        f"Disk: {size_of(forecast.outcome_bytes)} of outcomes, {size_of(forecast.weight_bytes)} of "
        "weights, before compression."
    )
    if pilot:
        table(
            f"Precision of the raw score by the models that are there: now, and with {plan.models} of each size",
            [plan.axis, "models", "error now", f"with {plan.models}", "halves agree", f"with {plan.models}"],
            [
                [
                    str(size),
                    str(one.models),
                    decimals(one.error),
                    decimals(one.error_with(plan.models)),
                    decimals(one.agreement),
                    decimals(one.agreement_with(plan.models)),
                ]
                for size, one in pilot.items()
            ],
        )
    else:
        say(
            f"Expected standard error of a score at p = 0.5: {forecast.standard_error:.3f} with {plan.models} models "
            f"of each size at fraction {plan.fraction:g}; of others less. A first block of models ({plan.block} of "
            "each size) tells more: train it, then ask again."
        )
    if until_asked:
        say(until_forecast(forecast))
    say("Nothing was written.")


def until_forecast(forecast: "Forecast") -> str:
    """What `--until-...` will take."""
    from memscope.tables.printing import duration

    plan = forecast.plan
    if forecast.models_until is None:
        if min((one.models for one in forecast.pilot), default=0) >= 2 * plan.block:
            return "How many models --until-... takes cannot be told: halves of those that there are do not agree."
        blocks = 2 if forecast.pilot else 1
        return f"How many models --until-... takes is not known before there are {blocks * plan.block} of each size."
    time = "" if forecast.seconds_until is None else f", {duration(forecast.seconds_until)} more"
    most = "at most " if forecast.at_most else ""
    return f"Until the scores are as precise as asked: {most}about {forecast.models_until:,} models of each size{time}."


def forecast_summary(forecast: "Forecast") -> dict[str, Any]:
    """The keys of `--dry-run --json`."""
    pilot = {one.size: one for one in forecast.pilot}
    rows = []
    for each in forecast.sizes:
        row: dict[str, Any] = {
            "size": each.size,
            "models": each.models,
            "parameters": each.parameters,
            "seconds_per_model": each.seconds_per_model,
            "pilot": None,
        }
        if each.size in pilot:
            one, models = pilot[each.size], forecast.plan.models
            row["pilot"] = {
                "models": one.models,
                "rms_standard_error": known(one.error),
                "expected_rms_standard_error": known(one.error_with(models)),
                "agreement": known(one.agreement),
                "expected_agreement": known(one.agreement_with(models)),
            }
        rows.append(row)
    return {
        "sizes": rows,
        "workers": forecast.workers,
        "steps": forecast.steps,
        "seconds": forecast.seconds,
        "outcome_bytes": forecast.outcome_bytes,
        "weight_bytes": forecast.weight_bytes,
        "expected_standard_error": forecast.standard_error,
        "models_until": forecast.models_until,
        "seconds_until": forecast.seconds_until,
    }


def known(value: float) -> float | None:
    return None if math.isnan(value) else value
