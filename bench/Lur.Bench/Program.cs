using System.Globalization;
using Lur.Bench;

// Steps beside PyTorch's, a process each; not a benchmark of BenchmarkDotNet, which runs no other program. BenchmarkDotNet is not
// even loaded, whose memory would count as Lur's.
if (args is ["--filter", "peers", ..]) return PeerComparison.Run(args.Length > 2 ? args[2].Split(',') : ["sgd", "lur"]);
if (args is ["peer-step", var model, var batch, var step]) return PeerComparison.Child(model, int.Parse(batch, CultureInfo.InvariantCulture), step);
return BenchmarkRun.Run(args);
