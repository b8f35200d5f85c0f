/// The handshake between a process pool and its workers. Both sides speak in the frames of the wire
/// protocol, over a private socket. The pool begins with DISCOVER_REQUEST (settings). The worker
/// answers with DISCOVER_RESPONSE (hello). REQUESTs follow. The worker runs them in their order,
/// one at a time, and answers each with RESPONSE or ERROR. It drops a REQUEST that the pool has
/// taken back (process_memory). The payload of a large REQUEST or RESPONSE is in shared memory
/// (process_area), and the frame has the place of the payload. No function here does I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <patio/actors/pool/process_area.hpp>
#include <patio/actors/pool/process_options.hpp>
#include <patio/base/api.hpp>
#include <patio/functions/registry.hpp>
#include <patio/protocol/frame.hpp>
#include <patio/protocol/session_options.hpp>
#include <patio/value/error.hpp>

namespace patio {

inline constexpr std::int64_t worker_protocol_version = 3;
/// The numbers of the worker's end of the socket, and of its process_memory.
inline constexpr int worker_socket = 3, worker_memory = 4;
inline constexpr std::string_view worker_argument = "--patio-worker=3";
/// Set in the environment of a new worker, and removed by run_if_worker.
inline constexpr const char* worker_variable = "PATIO_WORKER";
/// A REQUEST and a RESPONSE whose payload is in shared memory. The frame has a place.
inline constexpr protocol::packet request_in_memory{11}, response_in_memory{21};
/// Messages of values that weigh at least so much cross in shared memory.
inline constexpr std::size_t large_message = std::size_t{256} << 10;
/// The largest process_area. It bounds the address space that a worker and its pool need. Larger
/// messages cross over the socket.
inline constexpr std::size_t largest_area = std::size_t{1} << 30;
/// Bytes of a handshake frame. It lists all functions, so a registry may have thousands of them.
inline constexpr std::size_t handshake_bytes = std::size_t{4} << 20;

/// What the pool tells a new worker.
struct worker_settings {
  std::int64_t version = worker_protocol_version;
  std::string digest; ///< of the pool's registry
  process_limits limits;
};

/// What a worker tells its pool when it is ready, or when it cannot work.
struct worker_hello {
  std::int64_t version = worker_protocol_version;
  std::string digest; ///< of the worker's registry
  /// The worker's functions and their signatures, if the digests differ.
  std::vector<std::pair<std::string, std::string>> functions = {};
  std::string failure = {}; ///< why the worker cannot work; empty if it is ready
};

/// Returns a digest of all names and signatures. The order in which they were added does not count.
[[nodiscard]] std::string digest_of(const registry& functions);
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
signatures_of(const registry& functions);

/// Returns what the functions of a worker lack or have beyond `ours`, or nothing: "it lacks the
/// function 'f(a: int)'". Both lists are those of signatures_of.
PATIO_INTERNAL_API [[nodiscard]] std::optional<std::string>
first_difference(const std::vector<std::pair<std::string, std::string>>& ours,
                 const std::vector<std::pair<std::string, std::string>>& theirs);

[[nodiscard]] std::string write_settings(const worker_settings& settings);
[[nodiscard]] result<worker_settings> read_settings(std::string_view payload);
[[nodiscard]] std::string write_hello(const worker_hello& hello);
[[nodiscard]] result<worker_hello> read_hello(std::string_view payload);

/// Returns why a worker with this hello cannot serve the registry, or nothing. The text names the
/// first function that differs.
[[nodiscard]] std::optional<std::string> reason_to_refuse(const worker_hello& hello,
                                                          const registry& functions);

/// Bytes of the payload of request_in_memory and response_in_memory.
inline constexpr std::size_t place_bytes = 16;
[[nodiscard]] std::string write_place(process_area::place at);
/// Returns nothing if the payload does not have place_bytes.
[[nodiscard]] std::optional<process_area::place> read_place(std::string_view payload);

/// Returns the size of each area of a worker. An area takes a message of any permitted size, up to
/// largest_area.
[[nodiscard]] std::size_t area_bytes(std::size_t message_bytes);
/// Returns true if a message of these values should cross in shared memory.
[[nodiscard]] bool is_large(const arguments& args);
[[nodiscard]] bool is_large(const value& v);

/// Names a frame in a message. Knows request_in_memory and response_in_memory.
[[nodiscard]] std::string describe_message(const protocol::frame_header& header);

/// Options for the frames of calls and answers.
[[nodiscard]] std::shared_ptr<const protocol::session_options>
message_options(std::size_t message_bytes, const python_types& types);
[[nodiscard]] pickle_limits message_limits(std::size_t message_bytes);

} // namespace patio
