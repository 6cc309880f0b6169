// bench_talib_500: our side of problem.toml.
#include "bench/feature_race.h"

int main(int argc, char** argv) {
  const std::string macd = "ta.MACD($close, fastperiod=12, slowperiod=26, signalperiod=9)";
  const std::string bands = "ta.BBANDS($close, timeperiod=20, nbdevup=2, nbdevdn=2, matype=0)";
  const std::string stoch = "ta.STOCH($high, $low, $close, fastk_period=5, slowk_period=3, slowk_matype=0, slowd_period=3, slowd_matype=0)";
  return hayate::bench::race_features(argc, argv,
                                      {{"sma20", "ta.SMA($close, timeperiod=20)"},
                                       {"ema12", "ta.EMA($close, timeperiod=12)"},
                                       {"ema26", "ta.EMA($close, timeperiod=26)"},
                                       {"rsi14", "ta.RSI($close, timeperiod=14)"},
                                       {"macd", macd + ".macd"},
                                       {"macdsignal", macd + ".macdsignal"},
                                       {"macdhist", macd + ".macdhist"},
                                       {"upperband", bands + ".upperband"},
                                       {"middleband", bands + ".middleband"},
                                       {"lowerband", bands + ".lowerband"},
                                       {"adx14", "ta.ADX($high, $low, $close, timeperiod=14)"},
                                       {"cci14", "ta.CCI($high, $low, $close, timeperiod=14)"},
                                       {"willr14", "ta.WILLR($high, $low, $close, timeperiod=14)"},
                                       {"slowk", stoch + ".slowk"},
                                       {"slowd", stoch + ".slowd"},
                                       {"obv", "ta.OBV($close, $volume)"},
                                       {"mfi14", "ta.MFI($high, $low, $close, $volume, timeperiod=14)"},
                                       {"sar", "ta.SAR($high, $low, acceleration=0.02, maximum=0.2)"},
                                       {"atr14", "ta.ATR($high, $low, $close, timeperiod=14)"}});
}
