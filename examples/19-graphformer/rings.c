/* rings WEIGHTS.safetensors GRAPHS.txt
 *
 * Tells how long the ring of each graph is: all graphs in one call, padded to the largest, and one by one. Exit status
 * 1 if the two differ, or differ from PyTorch. */
#include "graphformer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 256, N = 15, CLASSES = 3, SHORTEST = 5, FAR = 20, LINE = 512 };

static int64_t degree[MOST][N], distance[MOST][N + 1][N + 1];
static int nodes[MOST], length[MOST];
static float scores[MOST][CLASSES], expected[MOST][CLASSES];

static int fail(const char *what) {
  fprintf(stderr, "rings: %s\n", what);
  return 2;
}

/* Degrees and lengths of shortest paths of a graph, both counted from 1; node 0 is the graph's own. */
static int read_edges(const char *text, int n, int64_t *degrees, int64_t (*d)[N + 1]) {
  int from, to, used;
  for (int i = 0; i <= n; ++i)
    for (int j = 0; j <= n; ++j)
      d[i][j] = i && j && i != j ? N + 1 : 1;
  for (; sscanf(text, "%d-%d%n", &from, &to, &used) == 2; text += used) {
    if (from < 0 || from >= n || to < 0 || to >= n)
      return 0;
    d[from + 1][to + 1] = d[to + 1][from + 1] = 2;
  }
  for (int i = 1; i <= n; ++i) {
    degrees[i - 1] = 1;
    for (int j = 1; j <= n; ++j)
      degrees[i - 1] += d[i][j] == 2;
  }
  for (int k = 1; k <= n; ++k)
    for (int i = 1; i <= n; ++i)
      for (int j = 1; j <= n; ++j)
        if (d[i][k] + d[k][j] - 1 < d[i][j])
          d[i][j] = d[i][k] + d[k][j] - 1;
  for (int i = 0; i <= n; ++i)
    d[0][i] = d[i][0] = FAR;
  return 1;
}

/* Each line is one graph: length of the ring, PyTorch's scores, count of nodes, edges. How many, or 0. */
static int read_graphs(const char *path) {
  static char line[LINE];
  FILE *file = fopen(path, "r");
  int count = 0, valid = 1, used;
  if (!file)
    return 0;
  while (valid && count < MOST && fgets(line, sizeof line, file)) {
    float *e = expected[count];
    valid = sscanf(line, "%d %f %f %f %d%n", &length[count], e, e + 1, e + 2, &nodes[count], &used) == 5 &&
            nodes[count] >= 0 && nodes[count] <= N &&
            read_edges(line + used, nodes[count], degree[count], distance[count]);
    ++count;
  }
  fclose(file);
  return valid ? count : 0;
}

static int right(int count) {
  int result = 0;
  for (int g = 0; g < count; ++g) {
    const float *s = scores[g];
    result += length[g] == SHORTEST + (s[1] > s[0] ? s[2] > s[1] ? 2 : 1 : s[2] > s[0] ? 2 : 0);
  }
  return result;
}

int main(int argc, char **argv) {
  graphformer *model;
  graphformer_context *context;
  double alone = 0, most = 0;
  if (argc != 3)
    return fail("usage: rings WEIGHTS.safetensors GRAPHS.txt");
  int count = read_graphs(argv[2]);
  if (!count || graphformer_create(&model, 0) != NN_OK)
    return fail("the graphs can not be read, or the model not be created");
  if (graphformer_load(model, argv[1]) != NN_OK || graphformer_context_create(&context, model, 0) != NN_OK)
    return fail(graphformer_error(model));
  printf("%s\n", graphformer_error(model)); /* what the file has beyond the model is no failure */
  if (graphformer_forward(context, count, N, degree[0], distance[0][0], scores[0]) != NN_OK)
    return fail(graphformer_context_error(context));
  printf("%d of %d rings are right\n", right(count), count);

  for (int g = 0; g < count; ++g) {
    int64_t own[(N + 1) * (N + 1)];
    float score[CLASSES];
    for (int i = 0; i <= nodes[g]; ++i)
      memcpy(own + i * (nodes[g] + 1), distance[g][i], (size_t)(nodes[g] + 1) * sizeof *own);
    if (graphformer_forward(context, 1, nodes[g], degree[g], own, score) != NN_OK)
      return fail(graphformer_context_error(context));
    for (int c = 0; c < CLASSES; ++c) {
      alone = fmax(alone, fabs((double)score[c] - scores[g][c]));
      most = fmax(most, fabs((double)expected[g][c] - scores[g][c]));
    }
  }
  printf("one by one, without padding: %s\n", alone < 1e-5 ? "the same scores" : "other scores");
  printf("the largest difference from PyTorch is %s\n", most < 1e-4 ? "below 1e-4" : "too large");
  graphformer_context_destroy(context);
  graphformer_destroy(model);
  return alone < 1e-5 && most < 1e-4 ? 0 : 1;
}
