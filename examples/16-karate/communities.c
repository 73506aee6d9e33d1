/* communities WEIGHTS.safetensors EDGES.csv MEMBERS.csv EXPECTED.csv
 *
 * Lets four networks tell the community of each member of a club, all on one graph, and compares their scores with
 * PyTorch's. Exit status 1 if they differ. */
#include "karate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MEMBERS = 34, CLASSES = 4, MOST = 1024, NETS = 4 };

typedef nn_status entry(karate_context *, const float *, const nn_graph *, float *);

static const char *const name[NETS] = {"gcn", "sage", "gat", "gin"};
static entry *const net[NETS] = {karate_gcn, karate_sage, karate_gat, karate_gin};

static double edge[MOST][2], member[MEMBERS][2], expected[NETS][MEMBERS * CLASSES];
static int64_t source[MOST], target[MOST];
static float x[MEMBERS][MEMBERS], scores[MEMBERS * CLASSES];

static int fail(const char *what) {
  fprintf(stderr, "communities: %s\n", what);
  return 2;
}

/* Reads numbers that stand between commas and line ends; how many. */
static int64_t read_numbers(const char *path, double *into, int64_t most) {
  FILE *file = fopen(path, "r");
  int64_t count = 0;
  if (!file)
    return 0;
  while (count < most && fscanf(file, "%lf%*[,\n]", into + count) == 1)
    ++count;
  fclose(file);
  return count;
}

/* How many of the members whose label training has not seen are put into the right community. */
static int right(void) {
  int result = 0;
  for (int i = 0; i < MEMBERS; ++i) {
    const float *score = scores + i * CLASSES;
    int best = 0;
    for (int c = 1; c < CLASSES; ++c)
      if (score[c] > score[best])
        best = c;
    result += member[i][1] == 0 && member[i][0] == best; /* its community, and whether training has seen that */
  }
  return result;
}

int main(int argc, char **argv) {
  karate *model;
  karate_context *context;
  nn_graph *club;
  double most = 0;
  if (argc != 5)
    return fail("usage: communities WEIGHTS.safetensors EDGES.csv MEMBERS.csv EXPECTED.csv");
  int64_t edges = read_numbers(argv[2], edge[0], 2 * MOST) / 2;
  if (edges < 1 || read_numbers(argv[3], member[0], 2 * MEMBERS) != 2 * MEMBERS ||
      read_numbers(argv[4], expected[0], NETS * MEMBERS * CLASSES) != NETS * MEMBERS * CLASSES)
    return fail("edges, members or expected scores can not be read");
  for (int64_t e = 0; e < edges; ++e) {
    source[e] = (int64_t)edge[e][0];
    target[e] = (int64_t)edge[e][1];
  }
  for (int i = 0; i < MEMBERS; ++i)
    x[i][i] = 1;

  /* A graph is made once, checked and sorted; any number of calls, threads and models may use it. */
  if (nn_graph_create(&club, MEMBERS, MEMBERS, edges, source, target) != NN_OK)
    return fail("an edge is out of range");
  if (karate_create(&model, 0) != NN_OK)
    return fail("the model can not be created");
  if (karate_load(model, argv[1]) != NN_OK || karate_context_create(&context, model, 0) != NN_OK)
    return fail(karate_error(model));

  for (int n = 0; n < NETS; ++n) {
    if (net[n](context, &x[0][0], club, scores) != NN_OK)
      return fail(karate_context_error(context));
    printf("%-4s  %d of 30 members without a label are right\n", name[n], right());
    for (int i = 0; i < MEMBERS * CLASSES; ++i)
      most = fmax(most, fabs((double)scores[i] - expected[n][i]));
  }
  printf("the largest difference from PyTorch is %s\n", most < 1e-5 ? "below 1e-5" : "too large");
  karate_context_destroy(context);
  karate_destroy(model);
  nn_graph_destroy(club);
  return most < 1e-5 ? 0 : 1;
}
