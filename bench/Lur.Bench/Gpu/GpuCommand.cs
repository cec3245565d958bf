using Lur.Bench.Pages;

namespace Lur.Bench.Gpu;

/// <summary>What the GPU bundle's run.sh and its makers ask of the benchmarks: <c>Lur.Bench gpu WHAT PLACE [options]</c>.</summary>
internal static class GpuCommand
{
    private const string Usage = """
        Usage: Lur.Bench gpu WHAT PLACE [options]
          images FOLDER [--cifar FOLDER]                         write 2,000 images as CIFAR-10 binary files
          trace FILE [--tiny]                                    count what a GPU would see of each kernel; needs no GPU
          steps FILE [--tiny]                                    time steps of LUR and ScissorHands
          peers FILE --python PROGRAM --scripts FOLDER [--tiny]  time PyTorch's beside them
          kernels FILE [--trace FILE] [--tiny]                   time each kernel beside its prediction
          merge FOLDER [--to FILE]                               put what run.sh left in FOLDER into one file;
                                                                 bench/results/Gpu.json, and the tables, by default
        """;

    /// <summary>Runs one; the arguments begin behind 'gpu'.</summary>
    /// <exception cref="UserErrorException">They are not understood.</exception>
    public static int Run(string[] args)
    {
        var tiny = args.Contains("--tiny");
        string[] rest = [.. args.Where(a => a != "--tiny")];
        if (rest.Length < 2 || rest.Length % 2 != 0)
            throw new UserErrorException(Usage);
        var options = rest[2..].Chunk(2).ToDictionary(o => o[0], o => o[1], StringComparer.Ordinal);
        string? Option(string name) => options.Remove(name, out var value) ? value : null;
        Func<int> run = rest[0] switch
        {
            "images" when Option("--cifar") is var cifar => () => PackedImages.Write(rest[1], cifar),
            "trace" => () => KernelTimes.Trace(rest[1], tiny),
            "steps" => () => new GpuSteps(rest[1], tiny).Run(),
            "peers" when Option("--python") is { } python && Option("--scripts") is { } scripts => () =>
                new GpuPeers(rest[1], python, scripts, tiny).Run(),
            "kernels" when Option("--trace") is var trace => () => KernelTimes.Run(rest[1], trace, tiny),
            "merge" when Option("--to") is var to => () => Merge(rest[1], to),
            _ => throw new UserErrorException(Usage),
        };
        if (options.Count > 0)
            throw new UserErrorException(Usage);
        return run();
    }

    private static int Merge(string folder, string? to)
    {
        var path = to ?? GpuResults.Path;
        var json = GpuResults.Merge(folder);
        AtomicFile.WriteText(path, json);
        Console.WriteLine($"wrote {path}");
        return to is null ? PageBlocks.Rewrite(".") : 0;
    }
}
