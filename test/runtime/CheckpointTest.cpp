// Checkpoints: what a run goes on from, and nothing that inference needs or sees.
#include "Check.h"
#include "TrainModel.h"

#include <csignal>
#include <cstring>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace test;

CASE(checkpoint, goesOnAsIfNothingHappened) {
  for (int threads : {1, 3})
    for (int k : {0, 1, 5}) {
      Trainer whole;
      CHECK_EQUAL(nnrt_context_set_threads(whole.context, threads), NN_OK);
      whole.steps(0, k);
      CHECK_EQUAL(nnrt_checkpoint(whole.model, (whole.folder / "c").c_str()), NN_OK);
      whole.steps(k, k + 7);
      // Model and context are made with other seeds: those of the run are in the file.
      Trainer other(12345);
      nnrt_context_destroy(other.context);
      CHECK_EQUAL(nnrt_context_create(&other.context, other.model, nullptr, 4), NN_OK);
      CHECK_EQUAL(nnrt_resume(other.model, (whole.folder / "c").c_str()), NN_OK);
      CHECK_EQUAL(other.error(), "");
      other.steps(k, k + 7);
      CHECK(other.everything() == whole.everything());
      CHECK(other.run() == whole.run());
      // A model that has trained already, on a context that has: they go back to where the run was.
      other.steps(0, 3);
      CHECK(other.everything() != whole.everything());
      CHECK_EQUAL(nnrt_resume(other.model, (whole.folder / "c").c_str()), NN_OK);
      CHECK_EQUAL(nnrt_context_set_threads(other.context, 4 - threads), NN_OK);
      other.steps(k, k + 7);
      CHECK(other.everything() == whole.everything());
    }
}

CASE(checkpoint, countsTheDrawsOfTrainSteps) {
  Trainer a, b;
  a.steps(0, 3);
  b.steps(0, 3);
  // The calls of other entries do not matter, nor does the context.
  a.run();
  nnrt_context_destroy(a.context);
  CHECK_EQUAL(nnrt_context_create(&a.context, a.model, nullptr, 1), NN_OK);
  a.steps(3, 6);
  b.steps(3, 6);
  CHECK(a.everything() == b.everything());
  // A loss that is not finite changes nothing but that draws go on.
  std::string before = a.everything();
  CHECK_EQUAL(a.train(6, /*nan=*/true), NN_NUMERIC);
  std::string after = a.everything();
  CHECK_CONTAINS(before, "\"nnc_calls\":\"8\"");
  CHECK_CONTAINS(after, "\"nnc_calls\":\"9\"");
  CHECK(before.substr(before.size() - 500) == after.substr(after.size() - 500));
  CHECK_EQUAL(nnrt_resume(b.model, (a.folder / "everything").c_str()), NN_OK);
  a.steps(7, 9);
  b.steps(7, 9);
  CHECK(a.everything() == b.everything());
  // Other entries draw by their context, whose calls of train steps do not count.
  int64_t seen[2];
  void *arguments[] = {seen};
  CHECK_EQUAL(nnrt_call(b.context, kDraw, arguments), NN_OK);
  CHECK_EQUAL(seen[0], 99);
  CHECK_EQUAL(seen[1], 0);
}

CASE(checkpoint, otherFunctionsDoNotSeeTheStates) {
  Trainer s;
  s.steps(0, 2);
  CHECK_EQUAL(nnrt_parameter_count(s.model), 5);
  nn_parameter_info info;
  CHECK_EQUAL(nnrt_parameter_info(s.model, 4, &info), NN_OK);
  CHECK_EQUAL(std::string(info.path), "bn.mean");
  CHECK_EQUAL(nnrt_parameter_info(s.model, 5, &info), NN_INVALID);
  float values[12];
  int64_t shape[] = {3, 4};
  CHECK_EQUAL(nnrt_get(s.model, "train_step/m/fc.weight", values, NN_F32, shape, 2), NN_INVALID);
  CHECK_EQUAL(s.error(), "there is no parameter `train_step/m/fc.weight`");
  CHECK_EQUAL(nnrt_set(s.model, "train_step/m/fc.weight", values, NN_F32, shape, 2), NN_INVALID);
  CHECK_EQUAL(nnrt_load_part(s.model, "train_step/m/h", "x"), NN_INVALID);
  CHECK_EQUAL(s.error(), "the model has no parameter below `train_step/m/h`");
  std::string path = s.folder / "m";
  CHECK_EQUAL(nnrt_save(s.model, path.c_str()), NN_OK);
  CHECK(readFile(path).find("train_step") == std::string::npos);
  CHECK(readFile(path).find("nnc_") == std::string::npos);
  // What is saved is loaded, and the optimizer goes on from where it was.
  std::string before = s.everything();
  CHECK_EQUAL(nnrt_load(s.model, path.c_str()), NN_OK);
  CHECK(s.everything() == before);
  // A checkpoint has the weights as well.
  Trainer other(8);
  std::vector<float> weights = s.run();
  CHECK_EQUAL(nnrt_load(other.model, (s.folder / "everything").c_str()), NN_OK);
  CHECK_CONTAINS(other.error(), "not in the model, ignored: ");
  CHECK_CONTAINS(other.error(), "`train_step/m/h.2.scale`");
  CHECK(other.run() == weights);
}

CASE(checkpoint, inferenceLeavesTheStatesAlone) {
  stateDraws = 0;
  Trainer s;
  s.run();
  CHECK_EQUAL(nnrt_save(s.model, (s.folder / "m").c_str()), NN_OK);
  CHECK_EQUAL(s.turn(0), NN_OK); // keeps others
  CHECK_EQUAL(stateDraws.load(), 0);
  s.steps(0, 3);
  CHECK_EQUAL(stateDraws.load(), 1);
  Trainer fresh;
  std::string first = fresh.everything(); // as they are before the first step
  CHECK_EQUAL(stateDraws.load(), 2);
  Trainer third;
  CHECK_EQUAL(nnrt_resume(third.model, (s.folder / "m").c_str()), NN_FILE);
  CHECK_EQUAL(nnrt_resume(third.model, (fresh.folder / "everything").c_str()), NN_OK);
  CHECK(third.everything() == first);
  CHECK_EQUAL(stateDraws.load(), 2);
}

CASE(checkpoint, needsAllParameters) {
  Session s(bare);
  Folder folder;
  CHECK_EQUAL(nnrt_checkpoint(s.model, (folder / "c").c_str()), NN_INVALID);
  CHECK_EQUAL(s.error(), "these parameters have no values, load or set them: `free`, `other`");
  CHECK_EQUAL(folder.names().size(), 0u);
  // A model that does not train has a checkpoint all the same.
  CHECK_EQUAL(s.setFloats("free", {2}, {1, 2}), NN_OK);
  CHECK_EQUAL(s.setFloats("other", {1, 2}, {3, 4}), NN_OK);
  CHECK_EQUAL(nnrt_checkpoint(s.model, (folder / "c").c_str()), NN_OK);
  Session t(bare);
  CHECK_EQUAL(nnrt_resume(t.model, (folder / "c").c_str()), NN_OK);
  CHECK_EQUAL(t.getFloats("other", {1, 2})[1], 4.0f);
  CHECK_EQUAL(nnrt_checkpoint(s.model, nullptr), NN_INVALID);
  CHECK_EQUAL(s.error(), "the path of the file is NULL");
  CHECK_EQUAL(nnrt_resume(s.model, nullptr), NN_INVALID);
  CHECK_EQUAL(nnrt_checkpoint(nullptr, "x"), NN_INVALID);
  CHECK_EQUAL(nnrt_resume(nullptr, "x"), NN_INVALID);
  CHECK_EQUAL(nnrt_use_average(nullptr, 1), NN_INVALID);
}

CASE(checkpoint, whileOthersRun) {
  Trainer s;
  s.steps(0, 4);
  std::vector<float> expected = s.run();
  std::string first = s.everything();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      void *context;
      CHECK_EQUAL(nnrt_context_create(&context, s.model, nullptr, 1), NN_OK);
      for (int i = 0; i < 50; ++i) {
        float x[] = {1, 2, 3, 4}, out[3];
        void *arguments[] = {x, out};
        CHECK_EQUAL(nnrt_call(context, kRun, arguments), NN_OK);
        CHECK(!memcmp(out, expected.data(), sizeof out));
        std::string path = s.folder / ("c" + std::to_string(t));
        CHECK_EQUAL(nnrt_checkpoint(s.model, path.c_str()), NN_OK);
        CHECK(readFile(path) == first);
      }
      nnrt_context_destroy(context);
    });
  for (std::thread &thread : threads)
    thread.join();
}

// ---- the old file or the new one ------------------------------------------------------------------------------------

CASE(checkpoint, diskFull) {
  Trainer s;
  std::string path = s.folder / "c";
  CHECK_EQUAL(nnrt_checkpoint(s.model, path.c_str()), NN_OK);
  std::string before = readFile(path);
  s.steps(0, 2);
  rlimit old, limit;
  getrlimit(RLIMIT_FSIZE, &old);
  for (rlim_t bytes : {rlim_t(0), rlim_t(1), rlim_t(1000), rlim_t(before.size() - 1)}) {
    limit = {bytes, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    nn_status status = nnrt_checkpoint(s.model, path.c_str());
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK_EQUAL(status, NN_FILE);
    CHECK_CONTAINS(s.error(), "can not be written: File too large");
    CHECK(readFile(path) == before);
    CHECK_EQUAL(s.folder.names().size(), 1u);
  }
  CHECK_EQUAL(nnrt_checkpoint(s.model, path.c_str()), NN_OK);
  CHECK(readFile(path) != before);
}

CASE(checkpoint, killedAtAnyTime) {
  Trainer a, b;
  b.steps(0, 5);
  std::string path = a.folder / "c", one = a.everything(), two = b.everything();
  writeFile(path, one);
  for (int round = 0; round < 40; ++round) {
    pid_t child = fork();
    if (!child)
      for (;;) {
        nnrt_checkpoint(a.model, path.c_str());
        nnrt_checkpoint(b.model, path.c_str());
      }
    usleep(static_cast<useconds_t>(500 + 211 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::string now = readFile(path);
    CHECK(now == one || now == two);
  }
  Trainer c;
  CHECK_EQUAL(nnrt_resume(c.model, path.c_str()), NN_OK);
}

CASE(checkpoint, folderThatCanNotBeWritten) {
  Trainer s;
  std::string inside = s.folder / "closed", path = inside + "/c";
  CHECK_EQUAL(mkdir(inside.c_str(), 0755), 0);
  CHECK_EQUAL(nnrt_checkpoint(s.model, path.c_str()), NN_OK);
  std::string before = readFile(path);
  s.steps(0, 1);
  chmod(s.folder.path.c_str(), 0755);
  chmod(inside.c_str(), 0555);
  chmod(path.c_str(), 0666);
  pid_t child = fork();
  if (!child) { // the superuser may write everywhere
    bool plain = getuid() || (!setgid(65534) && !setuid(65534));
    bool refused = nnrt_checkpoint(s.model, path.c_str()) == NN_FILE &&
                   s.error().find("can not be written: Permission denied") != std::string::npos;
    _exit(plain && refused ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK_EQUAL(status, 0);
  chmod(inside.c_str(), 0755);
  CHECK(readFile(path) == before);
  CHECK_EQUAL(nnrt_checkpoint(s.model, (s.folder / "no/c").c_str()), NN_FILE);
  CHECK_CONTAINS(s.error(), "can not be written: No such file or directory");
}
