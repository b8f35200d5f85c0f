/// The functions that the tests of process pools serve, in the test program and in its workers.
#pragma once

#include <patio/actors/pool/process_worker.hpp>
#include <patio/functions/registry.hpp>

namespace patio::tests {

[[nodiscard]] registry process_functions();
/// Functions that try what a confined worker must not do.
void add_confined_functions(registry& rpc);
/// Functions of a damaged worker.
void add_hostile_functions(registry& rpc);
/// Other functions than process_functions. The workers serve them if the environment variable
/// PATIO_TEST_WORKER is "other".
[[nodiscard]] registry other_functions();

} // namespace patio::tests
