/* predict WEIGHTS.safetensors PAIRS.csv
 *
 * Makes a graph of the links that are known, asks which of the other pairs are links, and compares the scores with
 * PyTorch's. Exit status 1 if they differ. */
#include "links.h"

#include <math.h>
#include <stdio.h>

enum { MEMBERS = 34, D = 16, PAIRS = MEMBERS * (MEMBERS - 1) / 2, HEADS = 3, SHOWN = 4 };
enum { NO_LINK, HELD_OUT, KNOWN };

typedef nn_status head(links_context *, int64_t, int64_t, const float *, const int64_t *, const int64_t *, float *);

static const char *const name[HEADS] = {"product", "form", "net"};
static head *const score_pairs[HEADS] = {links_by_product, links_by_form, links_by_net};

static int kind[PAIRS];
static int64_t source[2 * PAIRS], target[2 * PAIRS], a[PAIRS], b[PAIRS];
static float x[MEMBERS][MEMBERS], z[MEMBERS][D], scores[PAIRS], expected[PAIRS][HEADS];

static int fail(const char *what) {
  fprintf(stderr, "predict: %s\n", what);
  return 2;
}

/* Reads all pairs; links that are known become edges, both ways. The number of edges, 0 on failure. */
static int64_t read_pairs(const char *path) {
  FILE *file = fopen(path, "r");
  int64_t edges = 0;
  int p = 0, i, j;
  if (!file)
    return 0;
  while (p < PAIRS && fscanf(file, "%d,%d,%d,", &i, &j, &kind[p]) == 3 &&
         fscanf(file, "%f,%f,%f", &expected[p][0], &expected[p][1], &expected[p][2]) == 3) {
    a[p] = source[edges] = target[edges + 1] = i;
    b[p] = target[edges] = source[edges + 1] = j;
    edges += kind[p++] == KNOWN ? 2 : 0;
  }
  fclose(file);
  return p == PAIRS ? edges : 0;
}

/* How often a held-out link has a higher score than a pair that is no link. */
static double area_under_curve(void) {
  double won = 0, compared = 0;
  for (int p = 0; p < PAIRS; ++p)
    for (int q = 0; q < PAIRS; ++q)
      if (kind[p] == HELD_OUT && kind[q] == NO_LINK) {
        won += scores[p] > scores[q] ? 1 : scores[p] == scores[q] ? 0.5 : 0;
        ++compared;
      }
  return won / compared;
}

int main(int argc, char **argv) {
  links *model;
  links_context *context;
  nn_graph *club;
  double most = 0;
  if (argc != 3)
    return fail("usage: predict WEIGHTS.safetensors PAIRS.csv");
  int64_t edges = read_pairs(argv[2]);
  if (edges < 1)
    return fail("the pairs can not be read");
  for (int i = 0; i < MEMBERS; ++i)
    x[i][i] = 1;
  if (nn_graph_create(&club, MEMBERS, MEMBERS, edges, source, target) != NN_OK || links_create(&model, 0) != NN_OK)
    return fail("the graph or the model can not be created");
  if (links_load(model, argv[1]) != NN_OK || links_context_create(&context, model, 0) != NN_OK)
    return fail(links_error(model));

  /* The graph is read once; from then on there are only vectors. */
  if (links_encode(context, &x[0][0], club, &z[0][0]) != NN_OK)
    return fail(links_context_error(context));
  for (int h = 0; h < HEADS; ++h) {
    if (score_pairs[h](context, MEMBERS, PAIRS, &z[0][0], a, b, scores) != NN_OK)
      return fail(links_context_error(context));
    printf("%-8s AUC %.3f\n", name[h], area_under_curve());
    for (int p = 0; p < PAIRS; ++p)
      most = fmax(most, fabs((double)scores[p] - expected[p][h]));
  }

  printf("most likely, by the net:\n");
  for (int shown = 0; shown < SHOWN; ++shown) {
    int best = -1;
    for (int p = 0; p < PAIRS; ++p)
      if (kind[p] != KNOWN && (best < 0 || scores[p] > scores[best]))
        best = p;
    printf("  %2d and %2d  %s\n", (int)a[best], (int)b[best], kind[best] == HELD_OUT ? "a link" : "no link");
    scores[best] = -INFINITY;
  }
  a[PAIRS - 1] = MEMBERS; /* nobody */
  if (links_by_net(context, MEMBERS, PAIRS, &z[0][0], a, b, scores) == NN_OK)
    return fail("a member that is not there was scored");
  printf("%s\n", links_context_error(context));
  printf("the largest difference from PyTorch is %s\n", most < 1e-5 ? "below 1e-5" : "too large");

  links_context_destroy(context);
  links_destroy(model);
  nn_graph_destroy(club);
  return most < 1e-5 ? 0 : 1;
}
