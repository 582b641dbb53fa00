"""What commands find, as frozen dataclasses: a module for each. `--json` and docs/json.md follow from them.

`memscope/reports/schemas/COMMAND.json`, which `memscope schema COMMAND` prints, is the JSON schema of each report;
`docs/make_reports.py` makes those files and the page.
"""

REPORTS = {
    "score": "memscope.reports.score:ScoreReport",
    "trajectories": "memscope.reports.trajectories:TrajectoriesReport",
    "convergence": "memscope.reports.convergence:ConvergenceReport",
    "resmem": "memscope.reports.resmem:ResmemReport",
    "distill": "memscope.reports.distill:DistillReport",
    "proxies": "memscope.reports.proxies:ProxiesReport",
    "memorability": "memscope.reports.memorability:MemorabilityReport",
    "memorability-train": "memscope.reports.predictor:PredictorReport",
    "memorability-predict": "memscope.reports.prediction:PredictionReport",
    "influence": "memscope.reports.influence:InfluenceReport",
    "influence-remove": "memscope.reports.removal:RemovalReport",
    "influence-peel": "memscope.reports.removal:PeelReport",
    "influence-dry-run": "memscope.reports.removal:ArmsForecast",
    "influence-among-training": "memscope.reports.influence:InfluenceReport",
    "privacy": "memscope.reports.privacy:PrivacyReport",
    "report": "memscope.reports.page:PageReport",
    "status": "memscope.reports.status:StatusReport",
    "datasets": "memscope.reports.listings:DatasetsReport",
    "families": "memscope.reports.listings:FamiliesReport",
    "doctor": "memscope.reports.doctor:DoctorReport",
    "train-family": "memscope.reports.train_family:TrainFamilyReport",
    "train-family-dry-run": "memscope.reports.train_family:ForecastReport",
}
"""Module and class of the report of each command; where a command has several, with the option that asks for it."""
