// The 61 candle patterns, each a condition over the last bars (see ta_candles.h), and the one loop that runs them.
//
// +100 speaks for rising, -100 for falling prices; 80 is the weaker form where edges only touch, 200 a confirmed Hikkake.
// Definitions follow TA-Lib, which follows G. Morris, "Candlestick Charting Explained"; the trend that a pattern should
// reverse or continue is not looked at. Comments name the places where TA-Lib differs from the books or from itself.
#include <utility>

#include "kernels/lane_entry.h"
#include "kernels/ta.h"
#include "kernels/ta_candles.h"
#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN

using ta::Entry;

namespace {

struct Pattern {
  const char* name;
  const char* title;
  Number (*signal)(Bars&);
  Anything (*read)(Reading&);
  double penetration = -1;  // initial value; below 0: the pattern has no such parameter
  int more_rows = 0;        // rows of TA-Lib's lookback beyond what the definition reads
  bool confirmed = false;   // see confirm()

  template <class Definition>
  constexpr Pattern(const char* name_, const char* title_, Definition definition)
      : name(name_), title(title_), signal(definition), read(definition) {}
  constexpr Pattern with_penetration(double initial) const { return changed(initial, more_rows, confirmed); }
  constexpr Pattern with_rows(int more) const { return changed(penetration, more, confirmed); }
  constexpr Pattern with_confirmation(int more) const { return changed(penetration, more, true); }

 private:
  constexpr Pattern changed(double initial, int more, bool confirm) const {
    Pattern copy = *this;
    copy.penetration = initial, copy.more_rows = more, copy.confirmed = confirm;
    return copy;
  }
};

constexpr Pattern kPatterns[] = {
    Pattern("CDL2CROWS", "Two Crows",
            [](auto& b) {
              return -100 * (b.white(2) && b.body(2) > b.mean(body_long, 2) && b.black(1) && b.gap_up(1, 2) &&  //
                             b.black(0) && b.open(0) < b.open(1) && b.open(0) > b.close(1) &&                   // opens within the second body
                             b.close(0) > b.open(2) && b.close(0) < b.close(2));                                // closes within the first
            }),
    Pattern("CDL3BLACKCROWS", "Three Black Crows",
            [](auto& b) {
              return -100 * (b.white(3) && b.black(2) && b.black(1) && b.black(0) &&  //
                             b.lower(2) < b.mean(shadow_very_short, 2) && b.lower(1) < b.mean(shadow_very_short, 1) &&
                             b.lower(0) < b.mean(shadow_very_short, 0) &&        //
                             b.open(1) < b.open(2) && b.open(1) > b.close(2) &&  // each opens within the body before
                             b.open(0) < b.open(1) && b.open(0) > b.close(1) &&  //
                             b.high(3) > b.close(2) && b.close(2) > b.close(1) && b.close(1) > b.close(0));
            }),
    Pattern("CDL3INSIDE", "Three Inside Up/Down",
            [](auto& b) {
              return -100 * b.color(2) *
                     (b.body(2) > b.mean(body_long, 2) && b.body(1) <= b.mean(body_short, 1) && b.top(1) < b.top(2) && b.bottom(1) > b.bottom(2) &&
                      ((b.white(2) && b.black(0) && b.close(0) < b.open(2)) || (b.black(2) && b.white(0) && b.close(0) > b.open(2))));
            }),
    Pattern("CDL3LINESTRIKE", "Three-Line Strike",
            [](auto& b) {
              return 100 * b.color(1) *
                     (b.color(3) == b.color(2) && b.color(2) == b.color(1) && b.color(0) == -b.color(1) &&  //
                      b.open(2) >= b.bottom(3) - b.mean(near, 3) && b.open(2) <= b.top(3) + b.mean(near, 3) &&
                      b.open(1) >= b.bottom(2) - b.mean(near, 2) && b.open(1) <= b.top(2) + b.mean(near, 2) &&
                      ((b.white(1) && b.close(1) > b.close(2) && b.close(2) > b.close(3) && b.open(0) > b.close(1) && b.close(0) < b.open(3)) ||
                       (b.black(1) && b.close(1) < b.close(2) && b.close(2) < b.close(3) && b.open(0) < b.close(1) && b.close(0) > b.open(3))));
            }),
    Pattern("CDL3OUTSIDE", "Three Outside Up/Down",
            [](auto& b) {
              return 100 * b.color(1) *
                     ((b.white(1) && b.black(2) && b.close(1) > b.open(2) && b.open(1) < b.close(2) && b.close(0) > b.close(1)) ||
                      (b.black(1) && b.white(2) && b.open(1) > b.close(2) && b.close(1) < b.open(2) && b.close(0) < b.close(1)));
            })
        .with_rows(1),
    Pattern("CDL3STARSINSOUTH", "Three Stars In The South",
            [](auto& b) {
              return 100 * (b.black(2) && b.black(1) && b.black(0) &&                                     //
                            b.body(2) > b.mean(body_long, 2) && b.lower(2) > b.mean(shadow_long, 2) &&    //
                            b.body(1) < b.body(2) && b.open(1) > b.close(2) && b.open(1) <= b.high(2) &&  //
                            b.low(1) < b.close(2) && b.low(1) >= b.low(2) && b.lower(1) > b.mean(shadow_very_short, 1) &&
                            b.body(0) < b.mean(body_short, 0) && b.lower(0) < b.mean(shadow_very_short, 0) &&
                            b.upper(0) < b.mean(shadow_very_short, 0) && b.low(0) > b.low(1) && b.high(0) < b.high(1));
            }),
    Pattern("CDL3WHITESOLDIERS", "Three Advancing White Soldiers",
            [](auto& b) {
              return 100 * (b.white(2) && b.white(1) && b.white(0) && b.close(0) > b.close(1) && b.close(1) > b.close(2) &&
                            b.upper(2) < b.mean(shadow_very_short, 2) && b.upper(1) < b.mean(shadow_very_short, 1) &&
                            b.upper(0) < b.mean(shadow_very_short, 0) &&                           //
                            b.open(1) > b.open(2) && b.open(1) <= b.close(2) + b.mean(near, 2) &&  // opens within or near the body before
                            b.open(0) > b.open(1) && b.open(0) <= b.close(1) + b.mean(near, 1) && b.body(1) > b.body(2) - b.mean(far, 2) &&
                            b.body(0) > b.body(1) - b.mean(far, 1) &&  // not far shorter than the one before
                            b.body(0) > b.mean(body_short, 0));
            }),
    Pattern(
        "CDLABANDONEDBABY", "Abandoned Baby",
        [](auto& b) {
          return 100 * b.color(0) *
                 (b.body(2) > b.mean(body_long, 2) && b.body(1) <= b.mean(body_doji, 1) && b.body(0) > b.mean(body_short, 0) &&
                  ((b.white(2) && b.black(0) && b.close(0) < b.close(2) - b.body(2) * b.penetration && b.bar_gap_up(1, 2) && b.bar_gap_down(0, 1)) ||
                   (b.black(2) && b.white(0) && b.close(0) > b.close(2) + b.body(2) * b.penetration && b.bar_gap_down(1, 2) && b.bar_gap_up(0, 1))));
        })
        .with_penetration(0.3),
    Pattern("CDLADVANCEBLOCK", "Advance Block",
            [](auto& b) {
              return -100 * (b.white(2) && b.white(1) && b.white(0) && b.close(0) > b.close(1) && b.close(1) > b.close(2) && b.open(1) > b.open(2) &&
                             b.open(1) <= b.close(2) + b.mean(near, 2) &&  //
                             b.open(0) > b.open(1) && b.open(0) <= b.close(1) + b.mean(near, 1) && b.body(2) > b.mean(body_long, 2) &&
                             b.upper(2) < b.mean(shadow_short, 2) &&
                             // Weakening: the second far shorter, or the third, or ever shorter with upper shadows, or a long last shadow.
                             ((b.body(1) < b.body(2) - b.mean(far, 2) && b.body(0) < b.body(1) + b.mean(near, 1)) ||
                              b.body(0) < b.body(1) - b.mean(far, 1) ||
                              (b.body(0) < b.body(1) && b.body(1) < b.body(2) &&
                               (b.upper(0) > b.mean(shadow_short, 0) || b.upper(1) > b.mean(shadow_short, 1))) ||
                              (b.body(0) < b.body(1) && b.upper(0) > b.mean(shadow_long, 0))));
            }),
    Pattern("CDLBELTHOLD", "Belt-hold",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.body(0) > b.mean(body_long, 0) &&
                      ((b.white(0) && b.lower(0) < b.mean(shadow_very_short, 0)) || (b.black(0) && b.upper(0) < b.mean(shadow_very_short, 0))));
            }),
    Pattern("CDLBREAKAWAY", "Breakaway",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.body(4) > b.mean(body_long, 4) && b.color(4) == b.color(3) && b.color(3) == b.color(1) && b.color(1) == -b.color(0) &&
                      ((b.black(4) && b.gap_down(3, 4) && b.high(2) < b.high(3) && b.low(2) < b.low(3) && b.high(1) < b.high(2) &&
                        b.low(1) < b.low(2) && b.close(0) > b.open(3) && b.close(0) < b.close(4)) ||
                       (b.white(4) && b.gap_up(3, 4) && b.high(2) > b.high(3) && b.low(2) > b.low(3) && b.high(1) > b.high(2) &&
                        b.low(1) > b.low(2) && b.close(0) < b.open(3) && b.close(0) > b.close(4))));
            }),
    Pattern("CDLCLOSINGMARUBOZU", "Closing Marubozu",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.body(0) > b.mean(body_long, 0) &&
                      ((b.white(0) && b.upper(0) < b.mean(shadow_very_short, 0)) || (b.black(0) && b.lower(0) < b.mean(shadow_very_short, 0))));
            }),
    Pattern("CDLCONCEALBABYSWALL", "Concealing Baby Swallow",
            [](auto& b) {
              return 100 * (b.black(3) && b.black(2) && b.black(1) && b.black(0) &&  //
                            b.lower(3) < b.mean(shadow_very_short, 3) && b.upper(3) < b.mean(shadow_very_short, 3) &&
                            b.lower(2) < b.mean(shadow_very_short, 2) && b.upper(2) < b.mean(shadow_very_short, 2) &&  //
                            b.gap_down(1, 2) && b.upper(1) > b.mean(shadow_very_short, 1) && b.high(1) > b.close(2) && b.high(0) > b.high(1) &&
                            b.low(0) < b.low(1));
            }),
    Pattern("CDLCOUNTERATTACK", "Counterattack",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.color(1) == -b.color(0) && b.body(1) > b.mean(body_long, 1) && b.body(0) > b.mean(body_long, 0) &&
                      b.within(b.close(0), b.close(1), b.mean(equal, 1)));
            }),
    Pattern("CDLDARKCLOUDCOVER", "Dark Cloud Cover",
            [](auto& b) {
              return -100 * (b.white(1) && b.body(1) > b.mean(body_long, 1) && b.black(0) && b.open(0) > b.high(1) &&  //
                             b.close(0) > b.open(1) && b.close(0) < b.close(1) - b.body(1) * b.penetration);
            })
        .with_penetration(0.5),
    Pattern("CDLDOJI", "Doji", [](auto& b) { return 100 * (b.body(0) <= b.mean(body_doji, 0)); }),
    Pattern("CDLDOJISTAR", "Doji Star",
            [](auto& b) {
              return -100 * b.color(1) *
                     (b.body(1) > b.mean(body_long, 1) && b.body(0) <= b.mean(body_doji, 0) &&
                      ((b.white(1) && b.gap_up(0, 1)) || (b.black(1) && b.gap_down(0, 1))));
            }),
    Pattern("CDLDRAGONFLYDOJI", "Dragonfly Doji",
            [](auto& b) {
              return 100 *
                     (b.body(0) <= b.mean(body_doji, 0) && b.upper(0) < b.mean(shadow_very_short, 0) && b.lower(0) > b.mean(shadow_very_short, 0));
            }),
    Pattern("CDLENGULFING", "Engulfing Pattern",
            [](auto& b) {
              const auto engulfs = (b.white(0) && b.black(1) && b.close(0) >= b.open(1) && b.open(0) <= b.close(1)) ||
                                   (b.black(0) && b.white(1) && b.open(0) >= b.close(1) && b.close(0) <= b.open(1));
              const auto clears_close = b.open(0) != b.close(1), clears_open = b.close(0) != b.open(1);
              return b.color(0) * (100 * (engulfs && clears_close && clears_open) + 80 * (engulfs && clears_close != clears_open));
            })
        .with_rows(1),
    Pattern("CDLEVENINGDOJISTAR", "Evening Doji Star",
            [](auto& b) {
              return -100 * (b.body(2) > b.mean(body_long, 2) && b.white(2) && b.body(1) <= b.mean(body_doji, 1) && b.gap_up(1, 2) &&
                             b.body(0) > b.mean(body_short, 0) && b.black(0) && b.close(0) < b.close(2) - b.body(2) * b.penetration);
            })
        .with_penetration(0.3),
    Pattern("CDLEVENINGSTAR", "Evening Star",
            [](auto& b) {
              return -100 * (b.body(2) > b.mean(body_long, 2) && b.white(2) && b.body(1) <= b.mean(body_short, 1) && b.gap_up(1, 2) &&
                             b.body(0) > b.mean(body_short, 0) && b.black(0) && b.close(0) < b.close(2) - b.body(2) * b.penetration);
            })
        .with_penetration(0.3),
    Pattern("CDLGAPSIDESIDEWHITE", "Up/Down-gap side-by-side white lines",
            [](auto& b) {
              const auto up = b.gap_up(1, 2) && b.gap_up(0, 2), down = b.gap_down(1, 2) && b.gap_down(0, 2);
              return 100 * (up - down) *
                     (b.white(1) && b.white(0) && b.within(b.body(0), b.body(1), b.mean(near, 1)) &&
                      b.within(b.open(0), b.open(1), b.mean(equal, 1)));
            }),
    Pattern("CDLGRAVESTONEDOJI", "Gravestone Doji",
            [](auto& b) {
              return 100 *
                     (b.body(0) <= b.mean(body_doji, 0) && b.lower(0) < b.mean(shadow_very_short, 0) && b.upper(0) > b.mean(shadow_very_short, 0));
            }),
    Pattern("CDLHAMMER", "Hammer",
            [](auto& b) {
              return 100 * (b.body(0) < b.mean(body_short, 0) && b.lower(0) > b.mean(shadow_long, 0) && b.upper(0) < b.mean(shadow_very_short, 0) &&
                            b.bottom(0) <= b.low(1) + b.mean(near, 1));
            }),
    Pattern("CDLHANGINGMAN", "Hanging Man",
            [](auto& b) {
              return -100 * (b.body(0) < b.mean(body_short, 0) && b.lower(0) > b.mean(shadow_long, 0) && b.upper(0) < b.mean(shadow_very_short, 0) &&
                             b.bottom(0) >= b.high(1) - b.mean(near, 1));
            }),
    Pattern("CDLHARAMI", "Harami Pattern",
            [](auto& b) {
              const auto bodies = b.body(1) > b.mean(body_long, 1) && b.body(0) <= b.mean(body_short, 0);
              const auto inside = b.top(0) < b.top(1) && b.bottom(0) > b.bottom(1);
              const auto touching = b.top(0) <= b.top(1) && b.bottom(0) >= b.bottom(1);
              return -b.color(1) * (100 * (bodies && inside) + 80 * (bodies && touching && !inside));
            }),
    Pattern("CDLHARAMICROSS", "Harami Cross Pattern",
            [](auto& b) {
              const auto bodies = b.body(1) > b.mean(body_long, 1) && b.body(0) <= b.mean(body_doji, 0);
              const auto inside = b.top(0) < b.top(1) && b.bottom(0) > b.bottom(1);
              const auto touching = b.top(0) <= b.top(1) && b.bottom(0) >= b.bottom(1);
              return -b.color(1) * (100 * (bodies && inside) + 80 * (bodies && touching && !inside));
            }),
    Pattern("CDLHIGHWAVE", "High-Wave Candle",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.body(0) < b.mean(body_short, 0) && b.upper(0) > b.mean(shadow_very_long, 0) && b.lower(0) > b.mean(shadow_very_long, 0));
            }),
    Pattern("CDLHIKKAKE", "Hikkake Pattern",
            [](auto& b) {
              const auto inside = b.high(1) < b.high(2) && b.low(1) > b.low(2);
              const auto lower = b.high(0) < b.high(1) && b.low(0) < b.low(1), higher = b.high(0) > b.high(1) && b.low(0) > b.low(1);
              return 100 * ((inside && lower) - (inside && higher));
            })
        .with_confirmation(3),
    Pattern("CDLHIKKAKEMOD", "Modified Hikkake Pattern",
            [](auto& b) {
              const auto inside = b.high(2) < b.high(3) && b.low(2) > b.low(3) && b.high(1) < b.high(2) && b.low(1) > b.low(2);
              const auto lower = b.high(0) < b.high(1) && b.low(0) < b.low(1) && b.close(2) <= b.low(2) + b.mean(near, 2);
              const auto higher = b.high(0) > b.high(1) && b.low(0) > b.low(1) && b.close(2) >= b.high(2) - b.mean(near, 2);
              return 100 * ((inside && lower) - (inside && higher));
            })
        .with_confirmation(2),
    Pattern("CDLHOMINGPIGEON", "Homing Pigeon",
            [](auto& b) {
              return 100 * (b.black(1) && b.black(0) && b.body(1) > b.mean(body_long, 1) && b.body(0) <= b.mean(body_short, 0) &&
                            b.open(0) < b.open(1) && b.close(0) > b.close(1));
            }),
    Pattern("CDLIDENTICAL3CROWS", "Identical Three Crows",
            [](auto& b) {
              return -100 * (b.black(2) && b.black(1) && b.black(0) && b.close(2) > b.close(1) && b.close(1) > b.close(0) &&
                             b.lower(2) < b.mean(shadow_very_short, 2) && b.lower(1) < b.mean(shadow_very_short, 1) &&
                             b.lower(0) < b.mean(shadow_very_short, 0) &&  //
                             b.within(b.open(1), b.close(2), b.mean(equal, 2)) && b.within(b.open(0), b.close(1), b.mean(equal, 1)));
            }),
    Pattern("CDLINNECK", "In-Neck Pattern",
            [](auto& b) {
              return -100 * (b.black(1) && b.body(1) > b.mean(body_long, 1) && b.white(0) && b.open(0) < b.low(1) &&
                             b.close(0) <= b.close(1) + b.mean(equal, 1) && b.close(0) >= b.close(1));
            }),
    Pattern("CDLINVERTEDHAMMER", "Inverted Hammer",
            [](auto& b) {
              return 100 * (b.body(0) < b.mean(body_short, 0) && b.upper(0) > b.mean(shadow_long, 0) && b.lower(0) < b.mean(shadow_very_short, 0) &&
                            b.gap_down(0, 1));
            }),
    Pattern("CDLKICKING", "Kicking",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.color(1) == -b.color(0) &&  //
                      b.body(1) > b.mean(body_long, 1) && b.upper(1) < b.mean(shadow_very_short, 1) && b.lower(1) < b.mean(shadow_very_short, 1) &&
                      b.body(0) > b.mean(body_long, 0) && b.upper(0) < b.mean(shadow_very_short, 0) && b.lower(0) < b.mean(shadow_very_short, 0) &&
                      ((b.black(1) && b.bar_gap_up(0, 1)) || (b.white(1) && b.bar_gap_down(0, 1))));
            }),
    Pattern("CDLKICKINGBYLENGTH", "Kicking - bull/bear determined by the longer marubozu",
            [](auto& b) {
              const auto kicking = b.color(1) == -b.color(0) &&  //
                                   b.body(1) > b.mean(body_long, 1) && b.upper(1) < b.mean(shadow_very_short, 1) &&
                                   b.lower(1) < b.mean(shadow_very_short, 1) && b.body(0) > b.mean(body_long, 0) &&
                                   b.upper(0) < b.mean(shadow_very_short, 0) && b.lower(0) < b.mean(shadow_very_short, 0) &&
                                   ((b.black(1) && b.bar_gap_up(0, 1)) || (b.white(1) && b.bar_gap_down(0, 1)));
              const auto longer = b.body(0) > b.body(1);
              return 100 * (b.color(0) * (kicking && longer) + b.color(1) * (kicking && !longer));
            }),
    Pattern("CDLLADDERBOTTOM", "Ladder Bottom",
            [](auto& b) {
              return 100 * (b.black(4) && b.black(3) && b.black(2) && b.open(4) > b.open(3) && b.open(3) > b.open(2) &&  //
                            b.close(4) > b.close(3) && b.close(3) > b.close(2) &&                                        //
                            b.black(1) && b.upper(1) > b.mean(shadow_very_short, 1) &&                                   //
                            b.white(0) && b.open(0) > b.open(1) && b.close(0) > b.high(1));
            }),
    Pattern("CDLLONGLEGGEDDOJI", "Long Legged Doji",
            [](auto& b) {
              return 100 * (b.body(0) <= b.mean(body_doji, 0) && (b.lower(0) > b.mean(shadow_long, 0) || b.upper(0) > b.mean(shadow_long, 0)));
            }),
    Pattern("CDLLONGLINE", "Long Line Candle",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.body(0) > b.mean(body_long, 0) && b.upper(0) < b.mean(shadow_short, 0) && b.lower(0) < b.mean(shadow_short, 0));
            }),
    Pattern("CDLMARUBOZU", "Marubozu",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.body(0) > b.mean(body_long, 0) && b.upper(0) < b.mean(shadow_very_short, 0) && b.lower(0) < b.mean(shadow_very_short, 0));
            }),
    Pattern("CDLMATCHINGLOW", "Matching Low",
            [](auto& b) { return 100 * (b.black(1) && b.black(0) && b.within(b.close(0), b.close(1), b.mean(equal, 1))); }),
    Pattern("CDLMATHOLD", "Mat Hold",
            [](auto& b) {
              const auto floor = b.close(4) - b.body(4) * b.penetration;
              return 100 * (b.body(4) > b.mean(body_long, 4) && b.body(3) < b.mean(body_short, 3) && b.body(2) < b.mean(body_short, 2) &&
                            b.body(1) < b.mean(body_short, 1) && b.white(4) && b.black(3) && b.white(0) && b.gap_up(3, 4) &&
                            b.bottom(2) < b.close(4) && b.bottom(1) < b.close(4) && b.bottom(2) > floor && b.bottom(1) > floor &&
                            b.top(2) < b.open(3) && b.top(1) < b.top(2) &&  //
                            b.open(0) > b.close(1) && b.close(0) > b.high(3) && b.close(0) > b.high(2) && b.close(0) > b.high(1));
            })
        .with_penetration(0.5),
    Pattern("CDLMORNINGDOJISTAR", "Morning Doji Star",
            [](auto& b) {
              return 100 * (b.body(2) > b.mean(body_long, 2) && b.black(2) && b.body(1) <= b.mean(body_doji, 1) && b.gap_down(1, 2) &&
                            b.body(0) > b.mean(body_short, 0) && b.white(0) && b.close(0) > b.close(2) + b.body(2) * b.penetration);
            })
        .with_penetration(0.3),
    Pattern("CDLMORNINGSTAR", "Morning Star",
            [](auto& b) {
              return 100 * (b.body(2) > b.mean(body_long, 2) && b.black(2) && b.body(1) <= b.mean(body_short, 1) && b.gap_down(1, 2) &&
                            b.body(0) > b.mean(body_short, 0) && b.white(0) && b.close(0) > b.close(2) + b.body(2) * b.penetration);
            })
        .with_penetration(0.3),
    Pattern("CDLONNECK", "On-Neck Pattern",
            [](auto& b) {
              return -100 * (b.black(1) && b.body(1) > b.mean(body_long, 1) && b.white(0) && b.open(0) < b.low(1) &&
                             b.within(b.close(0), b.low(1), b.mean(equal, 1)));
            }),
    Pattern("CDLPIERCING", "Piercing Pattern",
            [](auto& b) {
              return 100 * (b.black(1) && b.body(1) > b.mean(body_long, 1) && b.white(0) && b.body(0) > b.mean(body_long, 0) &&
                            b.open(0) < b.low(1) && b.close(0) < b.open(1) && b.close(0) > b.close(1) + b.body(1) * 0.5);
            }),
    Pattern("CDLRICKSHAWMAN", "Rickshaw Man",
            [](auto& b) {
              const auto middle = b.low(0) + (b.high(0) - b.low(0)) / 2;
              return 100 * (b.body(0) <= b.mean(body_doji, 0) && b.lower(0) > b.mean(shadow_long, 0) && b.upper(0) > b.mean(shadow_long, 0) &&
                            b.bottom(0) <= middle + b.mean(near, 0) && b.top(0) >= middle - b.mean(near, 0));
            }),
    Pattern("CDLRISEFALL3METHODS", "Rising/Falling Three Methods",
            [](auto& b) {
              const auto way = b.color(4);
              return 100 * way *
                     (b.body(4) > b.mean(body_long, 4) && b.body(3) < b.mean(body_short, 3) && b.body(2) < b.mean(body_short, 2) &&
                      b.body(1) < b.mean(body_short, 1) && b.body(0) > b.mean(body_long, 0) &&  //
                      b.color(3) == -way && b.color(2) == -way && b.color(1) == -way && b.color(0) == way && b.bottom(3) < b.high(4) &&
                      b.top(3) > b.low(4) && b.bottom(2) < b.high(4) && b.top(2) > b.low(4) &&       // held within the first bar
                      b.bottom(1) < b.high(4) && b.top(1) > b.low(4) &&                              //
                      b.close(2) * way < b.close(3) * way && b.close(1) * way < b.close(2) * way &&  //
                      b.open(0) * way > b.close(1) * way && b.close(0) * way > b.close(4) * way);
            }),
    Pattern("CDLSEPARATINGLINES", "Separating Lines",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.color(1) == -b.color(0) && b.within(b.open(0), b.open(1), b.mean(equal, 1)) && b.body(0) > b.mean(body_long, 0) &&
                      ((b.white(0) && b.lower(0) < b.mean(shadow_very_short, 0)) || (b.black(0) && b.upper(0) < b.mean(shadow_very_short, 0))));
            }),
    Pattern("CDLSHOOTINGSTAR", "Shooting Star",
            [](auto& b) {
              return -100 * (b.body(0) < b.mean(body_short, 0) && b.upper(0) > b.mean(shadow_long, 0) && b.lower(0) < b.mean(shadow_very_short, 0) &&
                             b.gap_up(0, 1));
            }),
    Pattern("CDLSHORTLINE", "Short Line Candle",
            [](auto& b) {
              return 100 * b.color(0) *
                     (b.body(0) < b.mean(body_short, 0) && b.upper(0) < b.mean(shadow_short, 0) && b.lower(0) < b.mean(shadow_short, 0));
            }),
    Pattern("CDLSPINNINGTOP", "Spinning Top",
            [](auto& b) { return 100 * b.color(0) * (b.body(0) < b.mean(body_short, 0) && b.upper(0) > b.body(0) && b.lower(0) > b.body(0)); }),
    Pattern("CDLSTALLEDPATTERN", "Stalled Pattern",
            [](auto& b) {
              return -100 * (b.white(2) && b.white(1) && b.white(0) && b.close(0) > b.close(1) && b.close(1) > b.close(2) &&
                             b.body(2) > b.mean(body_long, 2) && b.body(1) > b.mean(body_long, 1) && b.upper(1) < b.mean(shadow_very_short, 1) &&
                             b.open(1) > b.open(2) && b.open(1) <= b.close(2) + b.mean(near, 2) &&  //
                             b.body(0) < b.mean(body_short, 0) && b.open(0) >= b.close(1) - b.body(0) - b.mean(near, 1));
            }),
    Pattern("CDLSTICKSANDWICH", "Stick Sandwich",
            [](auto& b) {
              return 100 * (b.black(2) && b.white(1) && b.black(0) && b.low(1) > b.close(2) && b.within(b.close(0), b.close(2), b.mean(equal, 2)));
            }),
    Pattern("CDLTAKURI", "Takuri (Dragonfly Doji with very long lower shadow)",
            [](auto& b) {
              return 100 *
                     (b.body(0) <= b.mean(body_doji, 0) && b.upper(0) < b.mean(shadow_very_short, 0) && b.lower(0) > b.mean(shadow_very_long, 0));
            }),
    Pattern("CDLTASUKIGAP", "Tasuki Gap",
            [](auto& b) {
              return 100 * b.color(1) *
                     (b.distance(b.body(1), b.body(0)) < b.mean(near, 1) &&
                      ((b.gap_up(1, 2) && b.white(1) && b.black(0) && b.open(0) < b.close(1) && b.open(0) > b.open(1) && b.close(0) < b.open(1) &&
                        b.close(0) > b.top(2)) ||
                       (b.gap_down(1, 2) && b.black(1) && b.white(0) && b.open(0) < b.open(1) && b.open(0) > b.close(1) && b.close(0) > b.open(1) &&
                        b.close(0) < b.bottom(2) && b.close(0) < b.open(2))));  // the open by itself: it may be missing
            }),
    Pattern("CDLTHRUSTING", "Thrusting Pattern",
            [](auto& b) {
              return -100 * (b.black(1) && b.body(1) > b.mean(body_long, 1) && b.white(0) && b.open(0) < b.low(1) &&
                             b.close(0) > b.close(1) + b.mean(equal, 1) && b.close(0) <= b.close(1) + b.body(1) * 0.5);
            }),
    Pattern("CDLTRISTAR", "Tristar Pattern",
            [](auto& b) {
              // All three bodies are held against the mean before the first of them.
              const auto dojis = b.body(2) <= b.mean(body_doji, 2) && b.body(1) <= b.mean(body_doji, 2) && b.body(0) <= b.mean(body_doji, 2);
              return 100 * ((dojis && b.gap_down(1, 2) && b.bottom(0) > b.bottom(1)) - (dojis && b.gap_up(1, 2) && b.top(0) < b.top(1)));
            }),
    Pattern("CDLUNIQUE3RIVER", "Unique 3 River",
            [](auto& b) {
              return 100 * (b.body(2) > b.mean(body_long, 2) && b.black(2) && b.black(1) && b.close(1) > b.close(2) && b.open(1) <= b.open(2) &&
                            b.low(1) < b.low(2) && b.body(0) < b.mean(body_short, 0) && b.white(0) && b.open(0) > b.low(1));
            }),
    Pattern("CDLUPSIDEGAP2CROWS", "Upside Gap Two Crows",
            [](auto& b) {
              return -100 * (b.white(2) && b.body(2) > b.mean(body_long, 2) && b.black(1) && b.body(1) <= b.mean(body_short, 1) && b.gap_up(1, 2) &&
                             b.black(0) && b.open(0) > b.open(1) && b.close(0) < b.close(1) && b.close(0) > b.close(2));
            }),
    Pattern("CDLXSIDEGAP3METHODS", "Upside/Downside Gap Three Methods",
            [](auto& b) {
              return 100 * b.color(2) *
                     (b.color(2) == b.color(1) && b.color(1) == -b.color(0) &&  //
                      b.open(0) < b.top(1) && b.open(0) > b.bottom(1) && b.close(0) < b.top(2) && b.close(0) > b.bottom(2) &&
                      ((b.white(2) && b.gap_up(1, 2)) || (b.black(2) && b.gap_down(1, 2))));
            }),
};

constexpr size_t kNumPatterns = sizeof kPatterns / sizeof kPatterns[0];

constexpr Reading read(const Pattern& pattern) {
  Reading reading;
  pattern.read(reading);
  return reading;
}

template <size_t I>
constexpr Reading kRead = read(kPatterns[I]);

template <size_t I>
constexpr int64_t kLookback = kRead<I>.oldest_bar + kRead<I>.longest_mean + kPatterns[I].more_rows;

template <size_t I>
constexpr int kNumMeans = [] {
  int count = 0;
  for (const bool is_read : kRead<I>.means) count += is_read;
  return count;
}();

// The cell of the mean that the pattern reads as its `mean`-th.
template <size_t I>
constexpr int cell_of(int mean) {
  int at = 0;
  for (;; ++at)
    if (kRead<I>.means[at] && mean-- == 0) return at;
}

// Calls visit<measure, bars ago>() for every mean that the pattern reads.
template <size_t I, class Visit>
inline void each_mean(Visit visit) {
  [&]<size_t... K>(std::index_sequence<K...>) {
    (visit.template operator()<Measured(cell_of<I>(K) / (kMaxBarsAgo + 1)), cell_of<I>(K) % (kMaxBarsAgo + 1)>(), ...);
  }(std::make_index_sequence<kNumMeans<I>>());
}

// What a pattern hands from row to row, and behind it the bars that the next rows look back to.
struct State {
  Number rows;               // complete rows of the run, at most lookback + 1
  Number gap;                // 1 behind a missing row
  Number setup, age, bound;  // see confirmed()
  Number totals[kNumCells];  // only those of means that are read
};
constexpr int kWordsBesideTotals = 5;
template <size_t I>
constexpr int64_t kStateWords = kWordsBesideTotals + kNumMeans<I>;
template <size_t I>
constexpr int64_t kBefore = kRead<I>.oldest_bar + kRead<I>.longest_mean;

// Calls take(number, word) for every word of a state.
template <size_t I, class Take>
inline void each_word(State& state, Take take) {
  int word = 0;
  for (Number* number : {&state.rows, &state.gap, &state.setup, &state.age, &state.bound}) take(*number, word++);
  each_mean<I>([&]<Measured what, int ago>() { take(state.totals[cell(what, ago)], word++); });
}

// A setup is confirmed, once, when one of the next three closes leaves the bar before it in its direction.
inline Number confirmed(State& s, const Bars& bars, Number signal) {
  const Truth fresh = signal != 0, rising = s.setup > 0, close_by = s.age + 1 <= 3;
  const Truth leaves = (rising && bars.close(0) > s.bound) || (!rising && bars.close(0) < s.bound);
  const Truth confirms = !fresh && s.setup != 0 && close_by && leaves;
  const Number out = choose(confirms, 2 * s.setup, signal);
  s.setup = choose(fresh, signal, choose(confirms, 0, s.setup)), s.age = choose(fresh, 0, s.age + 1);
  s.bound = choose(fresh, choose(signal > 0, bars.high(1), bars.low(1)), s.bound);
  return out;
}

// The signal of a row, and the state after it. `rows` counts it. A setup may be three rows older than the first row with a value.
template <size_t I, bool kSettled>
inline Number step(State& s, Bars& bars) {
  constexpr const Pattern& pattern = kPatterns[I];
  constexpr int64_t kFirst = kLookback<I> - (pattern.confirmed ? 3 : 0);
  const Truth begun = kSettled ? Truth{~Flags{}} : s.rows > double(kFirst);
  bars.totals = s.totals;
  Number signal = pattern.signal(bars) * begun;
  if constexpr (pattern.confirmed) signal = confirmed(s, bars, signal);
  each_mean<I>([&]<Measured what, int ago>() {
    constexpr int kPeriod = kMeasures[what].period;
    Number& total = s.totals[cell(what, ago)];
    const Number newest = bars.range(what, ago), moved = total + (newest - bars.range(what, ago + kPeriod));
    total = kSettled ? moved : choose(begun, moved, choose(s.rows > double(kFirst - kPeriod), total + newest, 0));
  });
  return signal;
}

// Missing rows as lanes.h has them: they empty the state, with `exact` only before the first complete row.
template <size_t I>
inline Number step_with_gaps(State& s, Bars& bars, bool exact) {
  const Number now[] = {bars.open(0), bars.high(0), bars.low(0), bars.close(0)};
  Truth missing = now[0] != now[0] || now[1] != now[1] || now[2] != now[2] || now[3] != now[3];
  if (exact) missing = missing && s.rows == 0;
  s.rows = choose(s.rows > double(kLookback<I>), s.rows, s.rows + 1);
  const Number signal = step<I, false>(s, bars);
  const Number nothing = exact ? Number(0.0) : choose(missing || s.gap > 0, kNaN, 0);
  const Number out = choose(missing || s.rows <= double(kLookback<I>), nothing, signal);
  each_word<I>(s, [&](Number& number, int) { number = choose(missing, 0, number); });
  s.gap = choose(missing, 1, s.gap);
  return out;
}

// `rows` rows of kTogether symbols.
template <size_t I>
__attribute__((noinline)) void run_rows(State& state, Bars bars, int64_t rows, bool settled, bool exact, double* out) {
  constexpr int64_t kRow = kernels::kLanes;
  for (int64_t row = 0; settled && row < rows; ++row, bars.advance()) step<I, true>(state, bars).store(out + row * kRow);
  for (int64_t row = 0; !settled && row < rows; ++row, bars.advance()) step_with_gaps<I>(state, bars, exact).store(out + row * kRow);
}

// The first rows of a tile look back to bars that the state keeps: both stand together in `edge`. Later ones are read where they are.
template <size_t I>
void run_lanes(const LaneTask& task) {
  constexpr int64_t kRow = kernels::kLanes, kKept = kBefore<I> * kRow;
  alignas(64) double edge[4][2 * kKept + kTogether];
  double* const kept = task.state + kStateWords<I> * kRow;
  const int64_t edge_rows = least(task.rows, kBefore<I>);
  for (int i = 0; i < 4; ++i) {
    memcpy(edge[i], kept + i * kKept, size_t(kKept) * sizeof(double));
    memcpy(edge[i] + kKept, task.inputs[i], size_t(edge_rows * kRow) * sizeof(double));
  }
  const Number penetration = kPatterns[I].penetration < 0 ? 0.0 : task.params[0];
  const auto bars_at = [&](const double* o, const double* h, const double* l, const double* c, int64_t at) {
    Bars bars(o + at, h + at, l + at, c + at);
    bars.penetration = penetration;
    return bars;
  };
  for (int64_t lane = 0; lane < task.lanes; lane += kTogether) {
    State state;
    each_word<I>(state, [&](Number& number, int word) { number = Number::load(task.state + word * kRow + lane); });
    const bool settled = task.complete && all(state.rows > double(kLookback<I>));
    double* const out = task.outputs[0] + lane;
    run_rows<I>(state, bars_at(edge[0], edge[1], edge[2], edge[3], kKept + lane), edge_rows, settled, task.exact, out);
    run_rows<I>(state, bars_at(task.inputs[0], task.inputs[1], task.inputs[2], task.inputs[3], kKept + lane), task.rows - edge_rows, settled,
                task.exact, out + kKept);
    each_word<I>(state, [&](Number& number, int word) { number.store(task.state + word * kRow + lane); });
  }
  for (int i = 0; i < 4; ++i) {
    const double* newest = edge_rows < kBefore<I> ? edge[i] + edge_rows * kRow : task.inputs[i] + (task.rows - kBefore<I>)*kRow;
    memcpy(kept + i * kKept, newest, size_t(kKept) * sizeof(double));
  }
}

template <size_t I>
LaneLayout layout(const double*) {
  return LaneLayout(kStateWords<I> + 4 * kBefore<I>);
}

template <size_t I>
int64_t lookback(const double*) {
  return kLookback<I>;
}

template <size_t I>
constexpr Entry entry() {
  constexpr const Pattern& p = kPatterns[I];
  Entry e{.name = p.name, .group = "Pattern Recognition", .title = p.title, .inputs = {"open", "high", "low", "close"}};
  if (p.penetration >= 0) e.params[0] = {"penetration", p.penetration, 0, 3e37, false};
  e.outputs[0] = "integer";
  e.whole_outputs = true;
  e.lookback = lookback<I>;
  e.lanes = LaneFunction(int(LaneFunction::patterns) + int(I));
  return e;
}

template <size_t... I>
struct Table {
  static constexpr Entry entries[] = {entry<I>()...};
  static constexpr LaneEntry lanes[] = {{layout<I>, run_lanes<I>}...};
  Table(std::index_sequence<I...>);
};
using Patterns = decltype(Table(std::make_index_sequence<kNumPatterns>()));

}  // namespace

extern const std::span<const Entry> kPatternFunctions;
constexpr std::span<const Entry> kPatternFunctions = Patterns::entries;

const LaneEntry& lane_entry_of_pattern(int pattern) { return Patterns::lanes[pattern]; }

HAYATE_KERNELS_END
