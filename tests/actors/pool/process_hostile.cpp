// Functions of a damaged worker, which breaks the rules for large messages.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <patio/actors/pool/process_messages.hpp>

#include "process_functions.hpp"

namespace patio::tests {
namespace {

/// Sends bytes with descriptors, then never returns.
void send_descriptors(const value& sent, std::int64_t count) {
  auto bytes = sent.data();
  constexpr std::size_t max = 16;
  alignas(cmsghdr) char control[CMSG_SPACE(max * sizeof(int))] = {};
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(static_cast<std::size_t>(count) * sizeof(int));
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(static_cast<std::size_t>(count) * sizeof(int));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
    std::memcpy(CMSG_DATA(header) + i * sizeof(int), &worker_socket, sizeof(int));
  (void)!::sendmsg(worker_socket, &message, MSG_NOSIGNAL);
  for (;;) ::pause();
}

/// Sends frames, then never returns.
void send_frames(const value& sent) {
  auto bytes = sent.data();
  (void)!::send(worker_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  for (;;) ::pause();
}

/// Sends a part of a frame, and ends.
void send_part(const value& sent) {
  auto bytes = sent.data();
  (void)!::send(worker_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::_exit(0);
}

/// Returns the area for answers, which is at the end of the shared memory.
char* answers(std::size_t area_bytes) {
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    if (line.find("memfd:patio worker") == line.npos) continue;
    if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2)
      return reinterpret_cast<char*>(end - area_bytes);
  }
  std::_Exit(9);
}

/// Announces an answer in shared memory, and changes the length of a text in it until this process
/// ends. The answer is not a whole pickle with any length.
void scribble(const value& sent, std::int64_t area_bytes) {
  auto bytes = sent.data();
  char* memory = answers(static_cast<std::size_t>(area_bytes));
  std::memset(memory, 0xff, std::size_t{1} << 20);
  std::memcpy(memory,
              "\x80\x05"
              "B",
              3); // PROTO, BINBYTES
  std::jthread writer{[&] {
    for (std::uint32_t length = 3;; length ^= 0x7fff'0000) std::memcpy(memory + 3, &length, 4);
  }};
  (void)!::send(worker_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  for (;;) ::pause();
}

/// Allocates all memory that the process can get, except for a few small pieces.
void fill_all_memory() {
  static std::vector<std::unique_ptr<char[]>> kept;
  kept.reserve(1 << 20);
  for (auto size : {std::size_t{1} << 20, std::size_t{4} << 10}) try {
      for (;;) kept.push_back(std::make_unique<char[]>(size));
    } catch (const std::bad_alloc&) { // as intended
    }
  kept.resize(kept.size() - std::min<std::size_t>(kept.size(), 8));
}

} // namespace

void add_hostile_functions(registry& rpc) {
  rpc.add("send_descriptors", send_descriptors);
  rpc.add("send_frames", send_frames);
  rpc.add("send_part", send_part);
  rpc.add("scribble", scribble);
  rpc.add("fill_all_memory", fill_all_memory);
}

} // namespace patio::tests
