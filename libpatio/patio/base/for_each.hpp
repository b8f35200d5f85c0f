/// PATIO_FOR_EACH(macro, a, b, c) expands to macro(a), macro(b), macro(c), for up to 256 arguments.
#pragma once

#define PATIO_FOR_EACH(macro, ...)                                                                 \
  __VA_OPT__(PATIO_RESCAN_256(PATIO_FOR_EACH_NEXT(macro, __VA_ARGS__)))
#define PATIO_FOR_EACH_NEXT(macro, first, ...)                                                     \
  macro(first) __VA_OPT__(, PATIO_FOR_EACH_AGAIN PATIO_PARENTHESES(macro, __VA_ARGS__))

// A macro does not expand within its own expansion. The parentheses therefore come from another
// macro, and each rescan expands the next step.
#define PATIO_FOR_EACH_AGAIN() PATIO_FOR_EACH_NEXT
#define PATIO_PARENTHESES ()
#define PATIO_RESCAN_256(...)                                                                      \
  PATIO_RESCAN_64(PATIO_RESCAN_64(PATIO_RESCAN_64(PATIO_RESCAN_64(__VA_ARGS__))))
#define PATIO_RESCAN_64(...)                                                                       \
  PATIO_RESCAN_16(PATIO_RESCAN_16(PATIO_RESCAN_16(PATIO_RESCAN_16(__VA_ARGS__))))
#define PATIO_RESCAN_16(...)                                                                       \
  PATIO_RESCAN_4(PATIO_RESCAN_4(PATIO_RESCAN_4(PATIO_RESCAN_4(__VA_ARGS__))))
#define PATIO_RESCAN_4(...) PATIO_RESCAN(PATIO_RESCAN(PATIO_RESCAN(PATIO_RESCAN(__VA_ARGS__))))
#define PATIO_RESCAN(...) __VA_ARGS__
