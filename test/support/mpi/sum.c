/* Each rank tells the sum of all ranks' numbers, and where it is. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **words) {
  int rank, size, own, sum;
  char host[256];
  MPI_Init(&count, &words);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  own = rank + 1;
  MPI_Allreduce(&own, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  gethostname(host, sizeof host);
  printf("rank %d of %d, task %s of %s: %d on %s\n", rank, size, getenv("ATRIUM_TASK_INDEX"), getenv("ATRIUM_TASKS"), sum, host);
  fflush(stdout);
  MPI_Finalize();
  return 0;
}
