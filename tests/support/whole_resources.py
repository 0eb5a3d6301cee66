"""Right resources of every kind that between them set nearly every field."""

import yaml

_RISK = """
      stopLoss: 5%
      takeProfit: 10%
      trailingStop: {activateAt: 2%, distance: 1%}
      roi: [{after: 0m, profit: 10%}, {after: 60m, profit: 5%}, {after: 2h, profit: 3%}]
      positionSize: {risk: 1%}
      maxOpenPositions: 3
      maxEntries: 2
      cooldown: 4h
      maxSymbolExposure: 200%
      maxTotalExposure: 300%
      rankBy: a
"""
_RULES = """
        rules:
          parameters:
          - {name: fast, type: Int, default: 10, min: 2, max: 200, description: a window}
          - {name: width, type: Float, default: 2.5, min: -1, max: 4}
          columns: {a: sma(fast), b: 'ema(close, 20)'}
          enter: close > a
          exit: close < a
          enterShort: close < a
          exitShort: close > a
          constraints: [fast < 100]
"""
_DATA = "{exchange: binance, start: '2020-01-01', end: '2024-01-01T00:00:00Z', digest: 'sha256:" + "0" * 64 + "'}"
_BROKER = """
      cash: 10000
      commission: 0.1%
      slippage: 0.05%
      makerCommission: 0.02%
      account: Margin
      leverage: 5
      maintenanceMargin: 0.5%
      funding: Stored
      volumeShare: 10%
      filters:
      - symbol: BTC/USDT
        tick: 0.1
        lot: 0.001
        minNotional: 5
        brackets:
        - {notional: 50000, leverage: 125, maintenanceMargin: 0.4%}
        - {notional: 250000, leverage: 100, maintenanceMargin: 0.5%}
      - {symbol: ETH/USDT}
"""
_POD = """
      image: registry/tidewright@sha256:0
      queueName: research
      nodeSelector: {disk: ssd, example.com/zone: a-1}
      tolerations:
      - {key: spot, operator: Exists, effect: NoExecute, tolerationSeconds: 300}
      - {operator: Exists}
      - {key: spot, value: cheap}
      resources: {requests: {cpu: 2, memory: 500Mi}, limits: {cpu: '2.5'}}
"""

_TEXTS = {
    "TradingStrategy": f"""
spec:
  source: {{builtin: MovingAverageCross}}
  parameters: {{fast: 10, slow: 30, kind: ema, ratio: 0.5, filter: true}}
  symbols: [BTC/USDT, 'ETH/USDT:USDT']
  timeframe: 1h
  risk: {_RISK}
  signals: {{replicas: 1}}
  execution:
    mode: Live
    exchange: binance
    credentials: {{secretName: binance-keys}}
    approval: {{memory: {{maxRisk: 60%}}, policy: {{trainingName: ppo-btc, minConfidence: 70%}}}}
    updates: Manual
  promotion:
    backtest: {{minSharpe: 1.0, maxDrawdown: 25%, minTrades: 50, minPeriod: 365d}}
    study: {{minDeflatedSharpe: 95%, maxPbo: 40%, minWalkForwardEfficiency: 50%}}
    dryRun: {{minPeriod: 14d, maxDivergence: 10%}}
---
spec:
  source: {_RULES}
  symbols: [BTC/USDT]
  timeframe: 4h
---
spec:
  source: {{classRef: {{module: strategies.channel, class: Channel, image: a@sha256:0}}}}
  symbols: [BTC/USDT]
  timeframe: 1d
  risk: {{positionSize: {{fraction: 95%}}}}
---
spec:
  source: {{sourceRef: {{configMap: mine, key: a.py}}}}
  symbols: [BTC/USDT]
  timeframe: 1d
""",
    "BacktestRun": f"""
spec:
  strategy: {{name: ma-cross}}
  data: {_DATA}
  broker: {_BROKER}
  engine: Both
  checks: {{lookAhead: true, dataQuality: Block, maxGap: 2d, monteCarlo: 1000}}
  seed: 7
  suspend: false
  ttlAfterFinished: 7d
  deadline: 1h
  retries: 2
  pod: {_POD}
---
spec:
  strategy:
    source: {_RULES}
    parameters: {{fast: 24}}
    symbols: [BTC/USDT]
    timeframe: 1h
    risk: {_RISK}
  data: {{exchange: simulated}}
""",
    "OptimizationStudy": f"""
spec:
  strategy: {{name: ma-cross}}
  data: {_DATA}
  broker: {_BROKER}
  checks: {{dataQuality: Warn}}
  searchSpace:
  - {{name: fast, int: {{min: 5, max: 50, step: 5}}}}
  - {{name: slow, int: {{min: 1, max: 500, log: true}}}}
  - {{name: parameters.width, float: {{min: 0.5, max: 4, step: 0.5}}}}
  - {{name: level, float: {{min: 0.001, max: 1, log: true}}}}
  - {{name: risk.stopLoss, percent: {{min: 1%, max: 10%, step: 0.5%}}}}
  - {{name: risk.trailingStop.distance, choices: [1%, 2%]}}
  - {{name: window, numbers: [7, 14, 21.5]}}
  constraints: [fast < slow]
  requirements: {{minTrades: 50, maxDrawdown: 25%}}
  objectives: [{{metric: Sharpe, direction: Maximize}}, {{metric: MaxDrawdown}}]
  sampler: {{name: TPE, seed: 7, startupTrials: 20}}
  pruner: {{name: Median, startupTrials: 5, warmupWindows: 1}}
  walkForward: {{windows: 6, inSample: 70%, anchored: false, purge: 2h, embargo: 1d}}
  overfitting: {{pboSplits: 16, test: RealityCheck, bootstrapSamples: 1000}}
  selection: Knee
  warmStart: {{study: earlier, trials: 20}}
  trials: 500
  stagnation: 100
  timeout: 2h
  parallelism: 4
  tracking: {{childRuns: 20}}
  deletionPolicy: Delete
  suspend: true
  ttlAfterFinished: 7d
  retries: 1
  pod: {_POD}
---
spec:
  strategy: {{source: {{builtin: MacdCross}}, symbols: [BTC/USDT], timeframe: 1h}}
  data: {{exchange: simulated}}
  sampler: {{name: Custom, classRef: {{module: mine, class: Sampler}}}}
  objectives: [{{metric: Trades, direction: Maximize}}]
""",
    "RLTraining": f"""
spec:
  symbols: [BTC/USDT]
  timeframe: 1h
  data: {_DATA}
  broker: {_BROKER}
  environment:
    window: 64
    features: [close / open - 1]
    actions: LongShort
    reward: {{kind: LogReturn, drawdownPenalty: 10%, turnoverPenalty: 1%}}
    evaluation: 20%
  algorithm: {{name: PPO, hiddenLayers: [64, 32], config: {{lr: 0.0003, use_gae: true}}}}
  stop: {{iterations: 200, steps: 1000000, stagnation: 20}}
  checkpointEvery: 10
  runners: {{replicas: 2, maxReplicas: 8, pod: {{queueName: research}}}}
  backend: Auto
  register: {{model: ppo-btc}}
  seed: 7
  suspend: false
  ttlAfterFinished: 7d
  deadline: 1d
  retries: 1
  pod: {_POD}
---
spec: {{symbols: [BTC/USDT], timeframe: 1d, data: {{exchange: simulated}}}}
""",
}


def whole(kind):
    """The right resources of a kind."""
    head = {"apiVersion": "tidewright.io/v1alpha1", "kind": kind, "metadata": {"name": "whole"}}
    return [head | resource for resource in yaml.safe_load_all(_TEXTS[kind])]
