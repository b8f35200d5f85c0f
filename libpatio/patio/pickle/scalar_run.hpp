/// Carries out runs of the opcodes that push one value each: numbers, short texts and references to
/// the memo. Most opcodes of a large pickle are in such runs.
#pragma once

#include <patio/pickle/machine.hpp>

namespace patio::pickle {

/// Carries out opcodes above a MARK, up to the first opcode of another kind, or whose argument is
/// unusual, or that may exceed a limit. The machine must carry out that opcode. The effect of each
/// opcode is the same as in the machine.
void run_scalars(machine& m);

} // namespace patio::pickle
