// A program that starts and ends and does nothing: what other processes of a node are to the
// restore collector.
int main() {
  return 0;
}
