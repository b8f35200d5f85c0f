// The time of a login check must not depend on how much of a guessed digest is right. This part of
// case A4 needs no node.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include <patio/base/digest.hpp>
#include <patio/protocol/login.hpp>

#include "login_payload.hpp"
#include "seed.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;

namespace {

/// Above this value of Welch's t the two classes of times differ.
constexpr double t_threshold = 4.5;

struct moments {
  double mean = 0, squared_error = 0;

  explicit moments(const std::vector<double>& v) {
    auto count = static_cast<double>(v.size());
    double variance = 0;
    for (auto x : v) mean += x / count;
    for (auto x : v) variance += (x - mean) * (x - mean) / (count - 1);
    squared_error = variance / count;
  }
};

/// Drops the slowest tenth of the samples, which the scheduler has delayed.
void drop_slowest_tenth(std::vector<double>& v) {
  std::sort(v.begin(), v.end());
  v.resize(v.size() - v.size() / 10);
}

/// Returns Welch's t of two classes of times.
double welch(std::vector<double> a, std::vector<double> b) {
  drop_slowest_tenth(a);
  drop_slowest_tenth(b);
  moments of_a{a}, of_b{b};
  return (of_a.mean - of_b.mean) / std::sqrt(of_a.squared_error + of_b.squared_error);
}

/// Measures how strongly the time of `check` depends on where a guess begins to be wrong. `prepare`
/// makes the guess, wrong at its end or at its beginning. The order is random, so that other load
/// on the machine affects both classes alike.
template <class Prepare, class Check>
double measure_once(std::mt19937_64& random, int samples, Prepare prepare, Check check) {
  std::vector<double> early, late;
  for (int i = 0; i < samples; ++i) {
    bool wrong_at_end = random() % 2 == 0;
    prepare(wrong_at_end); // in the same memory, because the address may also affect the time
    auto begin = std::chrono::steady_clock::now();
    check();
    std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    (wrong_at_end ? late : early).push_back(took.count());
  }
  return std::abs(welch(early, late));
}

/// Returns the smallest of up to five measurements. A leak in the code shows in each measurement,
/// and the noise of a busy machine does not.
template <class Prepare, class Check>
double time_dependence(std::mt19937_64& random, int samples, Prepare prepare, Check check) {
  auto smallest = measure_once(random, samples, prepare, check);
  for (int repeats = 0; repeats < 4 && smallest >= t_threshold; ++repeats)
    smallest = std::min(smallest, measure_once(random, samples, prepare, check));
  return smallest;
}

} // namespace

TEST_CASE("A4 the time of a refusal does not tell how much of the digest was right") {
  auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  auto challenge = login_challenge("0123456789abcdef");
  auto right = blake2s(challenge, login_key, login_salt);
  auto answer = login_payload(login_salt, right, challenge);
  auto digest = answer.find(right);
  REQUIRE(digest != std::string::npos);
  auto *first = &answer[digest], *last = first + right.size() - 1;
  // Both classes of guesses are written in the same way. If each was copied from its own place, the
  // time of the copy might depend on the place.
  auto spoil_digest = [&](bool wrong_at_end) {
    *first = static_cast<char>(right.front() ^ static_cast<int>(!wrong_at_end));
    *last = static_cast<char>(right.back() ^ static_cast<int>(wrong_at_end));
  };
  auto check = [&] { (void)check_login(answer, challenge, login_key); };
  CHECK(time_dependence(random, 10'000, spoil_digest, check) < t_threshold);
  // The comparison of 32 bytes is very short. The function that compares them is also measured with
  // enough bytes to make a difference visible.
  std::string whole(65'536, 'x'), guess = whole;
  bool equal = false;
  auto spoil = [&](bool wrong_at_end) {
    guess.front() = wrong_at_end ? 'x' : 'y';
    guess.back() = wrong_at_end ? 'y' : 'x';
  };
  auto compare = [&] { equal |= equal_in_constant_time(guess, whole); };
  CHECK(time_dependence(random, 2000, spoil, compare) < t_threshold);
  CHECK_FALSE(equal);
}
