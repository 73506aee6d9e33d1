/* resume THREADS SEED COMMAND..: a run of the model in resume.nn. Prints losses and outputs with all their bits. */
#include "resume.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { B = 37 };

static net *model;
static net_context *context;
static float x[B * 8];
static float y[B * 4];

static void must(nn_status status, const char *what) {
  if (!status)
    return;
  fprintf(stderr, "%s: %s: %s%s\n", what, nn_status_text(status), net_error(model), net_context_error(context));
  exit(1);
}

/* A batch follows from its number. */
static void fill(unsigned batch) {
  unsigned random = batch * 2654435761u + 1;
  for (int i = 0; i < B * 8; ++i) {
    random = random * 1664525u + 1013904223u;
    x[i] = (float)(random >> 8) / 8388608.0f - 1;
  }
  for (int i = 0; i < B * 4; ++i)
    y[i] = x[i * 2] * x[i * 2 + 1];
}

static void train(unsigned from, unsigned to) {
  for (unsigned batch = from; batch < to; ++batch) {
    float loss;
    fill(batch);
    must(net_train_step(context, B, x, y, 0.01f, &loss), "train_step");
    printf("%u %a\n", batch, (double)loss);
    if (batch % 3 == 0) {
      must(net_quick_step(context, B, x, y, 0.01f, &loss), "quick_step");
      printf("%u %a\n", batch, (double)loss);
    }
  }
}

static void forward(void) {
  float out[B * 4];
  fill(1000);
  must(net_forward(context, B, x, out), "forward");
  for (int i = 0; i < B * 4; ++i)
    printf("%a\n", (double)out[i]);
}

/* A loss that is not finite changes nothing. */
static void bad(void) {
  float loss = 0;
  fill(0);
  x[5] = NAN;
  nn_status status = net_train_step(context, B, x, y, 0.01f, &loss);
  printf("bad %s, loss %s\n", nn_status_text(status), isnan(loss) ? "NaN" : "?");
}

int main(int count, char **arguments) {
  must(net_create(&model, strtoull(arguments[2], NULL, 10)), "create");
  must(net_context_create(&context, model, strtoull(arguments[2], NULL, 10) + 1), "context_create");
  must(net_context_set_threads(context, atoi(arguments[1])), "context_set_threads");
  for (int i = 3; i < count; ++i) {
    const char *command = arguments[i];
    const char *path = i + 1 < count ? arguments[i + 1] : "";
    if (!strcmp(command, "train"))
      train((unsigned)atoi(path), (unsigned)atoi(arguments[i + 2])), i += 2;
    else if (!strcmp(command, "forward"))
      forward();
    else if (!strcmp(command, "bad"))
      bad();
    else if (!strcmp(command, "checkpoint"))
      must(net_checkpoint(model, path), command), ++i;
    else if (!strcmp(command, "resume"))
      must(net_resume(model, path), command), ++i;
    else if (!strcmp(command, "load"))
      must(net_load(model, path), command), ++i;
    else if (!strcmp(command, "save"))
      must(net_save(model, path), command), ++i;
    else if (!strcmp(command, "average"))
      must(net_use_average(model, atoi(path)), command), ++i;
    else
      return 2;
  }
  net_context_destroy(context);
  net_destroy(model);
  return 0;
}
