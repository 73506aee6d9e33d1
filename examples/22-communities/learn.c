/* learn EDGES.csv MEMBERS.csv CURVE.csv [STEPS]
 *
 * Trains two graph networks on a club of which four members' communities are told, and says how many of the others they
 * put into the right one; CURVE.csv has that and the loss of every step. Exit status 1 if one of them does no better
 * than three of four. */
#include "club.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEMBERS = 34, CLASSES = 4, MOST = 1024, STEPS = 200 };

typedef nn_status step(club_context *, const float *, const nn_graph *, const int64_t *, float *);
typedef nn_status entry(club_context *, const float *, const nn_graph *, float *);

static int64_t source[MOST], target[MOST], community[MEMBERS], told[MEMBERS];
static float x[MEMBERS][MEMBERS], scores[MEMBERS][CLASSES], loss[2][STEPS];
static double right[2][STEPS];

static int fail(const char *what) {
  fprintf(stderr, "learn: %s\n", what);
  return 1;
}

static int64_t read_edges(const char *path) {
  FILE *file = fopen(path, "r");
  int64_t count = 0;
  long from, to;
  if (!file)
    return 0;
  while (count < MOST && fscanf(file, "%ld,%ld", &from, &to) == 2) {
    source[count] = from;
    target[count++] = to;
  }
  fclose(file);
  return count;
}

/* Lines of a community, and 1 if it is told. */
static int read_members(const char *path) {
  FILE *file = fopen(path, "r");
  int count = 0, known;
  long number;
  if (!file)
    return 0;
  while (count < MEMBERS && fscanf(file, "%ld,%d", &number, &known) == 2) {
    community[count] = number;
    told[count] = known ? number : -100;
    ++count;
  }
  fclose(file);
  return count == MEMBERS;
}

static double share_right(void) {
  int count = 0, all = 0;
  for (int i = 0; i < MEMBERS; ++i) {
    int best = 0;
    for (int c = 1; c < CLASSES; ++c)
      best = scores[i][c] > scores[i][best] ? c : best;
    all += told[i] < 0;
    count += told[i] < 0 && best == community[i];
  }
  return (double)count / all;
}

int main(int argc, char **argv) {
  static const char *const name[] = {"GCN", "GAT"};
  static step *const train[] = {club_gcn_step, club_gat_step};
  static entry *const net[] = {club_gcn, club_gat};
  club *model;
  club_context *context;
  nn_graph *graph;
  int good = 1, steps = argc > 4 ? atoi(argv[4]) : STEPS;
  if (argc < 4 || steps < 1 || steps > STEPS)
    return fail("usage: learn EDGES.csv MEMBERS.csv CURVE.csv [STEPS, at most 200]");
  int64_t edges = read_edges(argv[1]);
  if (!edges || !read_members(argv[2]))
    return fail("no such files");
  for (int i = 0; i < MEMBERS; ++i)
    x[i][i] = 1; /* nothing is known of a member but who it is */
  if (nn_graph_create(&graph, MEMBERS, MEMBERS, edges, source, target) || club_create(&model, 1) ||
      club_context_create(&context, model, 1))
    return fail("no memory, or not a graph");

  for (int i = 0; i < 2; ++i) {
    for (int k = 0; k < steps; ++k) {
      if (train[i](context, x[0], graph, told, &loss[i][k]) || net[i](context, x[0], graph, scores[0]))
        return fail(club_context_error(context));
      right[i][k] = share_right();
    }
    printf("%s: loss %.3f, %.0f %% of the other members\n", name[i], loss[i][steps - 1], 100 * right[i][steps - 1]);
    good &= right[i][steps - 1] > 0.75;
  }
  FILE *curve = fopen(argv[3], "w");
  if (!curve)
    return fail("the curve cannot be written");
  fprintf(curve, "step,GCN loss,GAT loss,GCN right,GAT right\n");
  for (int k = 0; k < steps; ++k)
    fprintf(curve, "%d,%.4f,%.4f,%.4f,%.4f\n", k + 1, loss[0][k], loss[1][k], right[0][k], right[1][k]);
  good &= !fclose(curve);
  club_context_destroy(context);
  club_destroy(model);
  nn_graph_destroy(graph);
  return !good;
}
