/// What an actor system with a broker takes from the operating system at its start.
#pragma once

#include <cstddef>

namespace patio {

inline constexpr std::size_t descriptors_of_broker = 2; ///< the connector's and one socket

/// Throws std::system_error if the process cannot open that many descriptors.
void check_descriptors(std::size_t count);

/// Throws std::system_error, which says what to raise, if the limits of the process leave too few
/// descriptors, or too little address space for the threads. CAF 0.17 itself ends the process in
/// that case, without a word, or by a crash. A process whose address space is limited to less than
/// 2 GiB gets one arena of malloc for all threads, because each further arena would reserve 64 MiB.
void check_resources();

} // namespace patio
