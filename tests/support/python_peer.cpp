#include "python_peer.hpp"

#include <stdexcept>

namespace patio::tests {

std::string hex(std::string_view bytes) {
  std::string text;
  for (char c : bytes)
    for (int shift : {4, 0})
      text += "0123456789abcdef"[(static_cast<unsigned char>(c) >> shift) & 15];
  return text;
}

namespace {

std::vector<std::string> command(const std::string& kind, const std::string& key,
                                 const std::string& certificates) {
  std::vector<std::string> words{python(), PATIO_TEST_SOURCES "/interop/python_peer.py", kind,
                                 hex(key)};
  if (!certificates.empty()) words.push_back(certificates);
  return words;
}

} // namespace

python_peer::python_peer(const std::string& kind, const std::string& key,
                         const std::string& certificates)
    : child_{command(kind, key, certificates)} {
  if (kind == "server") where_ = parse_endpoint(child_.await("listening on ")).value();
}

nlohmann::json python_peer::ask(const nlohmann::json& command) {
  child_.write_line(command.dump());
  auto line = child_.read_line();
  if (!line) throw std::runtime_error{"the Python peer has ended"};
  return nlohmann::json::parse(*line);
}

bool python_peer::connect(const endpoint& server, double seconds) {
  return ask({{"connect", {server.host, server.port}}, {"patience", seconds}})[0] == "connected";
}

nlohmann::json python_peer::call(const std::string& name, const std::string& args, double timeout,
                                 int times) {
  return ask({{"call", name}, {"args", args}, {"timeout", timeout}, {"times", times}});
}

} // namespace patio::tests
