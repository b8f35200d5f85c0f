#include <patio/functions/reply.hpp>

#include <doctest/doctest.h>

#include <vector>

using patio::reply;
using patio::reply_to;
using patio::result;
using patio::value;

namespace {

const std::string dropped = "RuntimeError: the function was dropped without an answer";

struct box {
  std::vector<std::string> answers;
  reply::sink sink() {
    return [this](result<value> r) { answers.push_back(r ? to_str(*r) : to_string(r.error())); };
  }
  static std::string to_str(const value& v) {
    if (v.is_none()) return "";
    return v.kind() == patio::kind::integer ? std::to_string(*v.as_int64()) : std::string{v.text()};
  }
};

using answers = std::vector<std::string>;

} // namespace

TEST_CASE("reply: a reply answers only once") {
  box b;
  {
    reply r{b.sink()};
    CHECK(r.open());
    r.answer(value{1});
    CHECK_FALSE(r.open());
    r.answer(value{2});
  }
  CHECK(b.answers == answers{"1"});
}

TEST_CASE("reply: a dropped reply answers with an error") {
  box b;
  { reply r{b.sink()}; }
  CHECK(b.answers == answers{dropped});
}

TEST_CASE("reply: a moved reply takes over the duty to answer") {
  box b;
  {
    reply first{b.sink()};
    reply second{std::move(first)};
    CHECK_FALSE(first.open());
    CHECK(second.open());
    reply third;
    third = std::move(second);
    third.answer(value{"third"});
  }
  CHECK(b.answers == answers{"third"});
}

TEST_CASE("reply: an assignment drops the reply that was open before") {
  box b;
  {
    reply r{b.sink()};
    r = reply{b.sink()};
    CHECK(b.answers == answers{dropped});
    r.answer(value{2});
  }
  CHECK(b.answers == answers{dropped, "2"});
}

TEST_CASE("reply: an empty reply need not answer") {
  reply r;
  CHECK_FALSE(r.open());
  r.answer(value{1});
}

TEST_CASE("reply_to: converts its type, and can fail") {
  box b;
  reply_to<int>{reply{b.sink()}}.answer(7);
  reply_to<std::string>{reply{b.sink()}}.answer("text");
  reply_to<int>{reply{b.sink()}}.fail({patio::errc::timeout, "late", {}});
  { reply_to<int> forgotten{reply{b.sink()}}; }
  CHECK(b.answers == answers{"7", "text", "no answer in time: late", dropped});
}

TEST_CASE("reply_to: the reply of a function without a result answers None, or fails") {
  box b;
  {
    reply_to<void> done{reply{b.sink()}}, failed{reply{b.sink()}}, forgotten{reply{b.sink()}};
    done.answer();
    done.answer();
    failed.fail({patio::errc::overloaded, "later", {}});
  }
  CHECK(b.answers.size() == 3);
  CHECK(b.answers[0].empty()); // None prints as an empty text here
  CHECK(b.answers[1].find("later") != std::string::npos);
  CHECK(b.answers[2] == dropped);
}
