/* memory MODEL SIZES..: the memory that a process needs for training steps, in bytes: the most that it has had at any
 * time, less what it had before the model was made. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of /proc/self/status. */
static long long status(const char *name) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long long kilobytes = -1;
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, name, strlen(name)))
      sscanf(line + strlen(name), ":%lld", &kilobytes);
  if (file)
    fclose(file);
  return kilobytes * 1024;
}

/* Written, so that it is there before the step. */
static void *filled(size_t count, size_t size) {
  char *bytes = malloc(count * size);
  if (!bytes)
    exit(2);
  memset(bytes, 0, count * size);
  return bytes;
}
#define FLOATS(count) ((float *)filled((size_t)(count), 4))
#define INTEGERS(count) ((int64_t *)filled((size_t)(count), 8))

#define MODEL(name)                                                                                                    \
  name *model;                                                                                                         \
  name##_context *context;                                                                                             \
  long long before = status("VmRSS");                                                                                  \
  if (name##_create(&model, 1) || name##_context_create(&context, model, 1))                                           \
  return 2
/* The second step finds everything that the first one made. */
#define STEPS(name, call)                                                                                              \
  float loss;                                                                                                          \
  for (int i = 0; i < 2; ++i)                                                                                          \
    if (call) {                                                                                                        \
      fprintf(stderr, "%s\n", name##_context_error(context));                                                          \
      return 2;                                                                                                        \
    }                                                                                                                  \
  printf("%lld\n", status("VmHWM") - before);                                                                          \
  return 0

static int mlp_steps(int64_t B) {
  float *x = FLOATS(B * 64);
  int64_t *label = INTEGERS(B);
  MODEL(mlp);
  STEPS(mlp, mlp_train_step(context, B, x, label, &loss));
}

static int gpt_steps(int64_t B, int64_t T) {
  int64_t *text = INTEGERS(B * T), *next = INTEGERS(B * T);
  MODEL(gpt);
  STEPS(gpt, gpt_train_step(context, B, T, text, next, &loss));
}

static int series_steps(int64_t T, int64_t B) {
  float *x = FLOATS(T * B * 8), *y = FLOATS(T * B);
  MODEL(series);
  STEPS(series, series_train_step(context, T, B, x, y, &loss));
}

static int images_steps(int64_t B) {
  float *x = FLOATS(B * 3 * 32 * 32);
  int64_t *label = INTEGERS(B);
  MODEL(images);
  STEPS(images, images_train_step(context, B, x, label, &loss));
}

static int nodes_steps(int64_t N, int64_t E) {
  float *x = FLOATS(N * 16);
  int64_t *label = INTEGERS(N), *source = INTEGERS(E), *target = INTEGERS(E);
  for (int64_t e = 0; e < E; ++e)
    source[e] = e * 7919 % N, target[e] = e * 104729 % N;
  nn_graph *graph;
  if (nn_graph_create(&graph, N, N, E, source, target))
    return 2;
  MODEL(nodes);
  STEPS(nodes, nodes_train_step(context, x, graph, label, &loss));
}

int main(int argc, char **argv) {
  const char *name = argc > 2 ? argv[1] : "";
  int64_t a = argc > 2 ? atoll(argv[2]) : 0, b = argc > 3 ? atoll(argv[3]) : 0;
  if (!strcmp(name, "Mlp"))
    return mlp_steps(a);
  if (!strcmp(name, "Gpt"))
    return gpt_steps(a, b);
  if (!strcmp(name, "Series"))
    return series_steps(a, b);
  if (!strcmp(name, "Images"))
    return images_steps(a);
  if (!strcmp(name, "Nodes"))
    return nodes_steps(a, b);
  return 2;
}
