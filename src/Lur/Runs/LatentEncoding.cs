using System.Runtime.InteropServices;
using Lur.Data;
using Lur.Device;
using Lur.Tensors;

namespace Lur.Runs;

/// <summary>Pictures of a data set as their latents, from the cache or encoded now. Training sees the same latents at every step; a draw of
/// the autoencoder's distribution is made once of each picture.</summary>
/// <param name="model">The model.</param>
/// <param name="pictures">Encodes; null where nothing is, to plan or because the model takes pixels.</param>
/// <param name="settings">Mean or draw.</param>
/// <param name="cache">Keeps what was encoded.</param>
/// <param name="host">Whom it tells.</param>
/// <param name="toPlan">True where nobody will read a sample.</param>
internal sealed class LatentEncoding(
    LatentModel model,
    LatentPictures? pictures,
    LatentSettings settings,
    NumbersCache cache,
    RunHost host,
    bool toPlan
)
{
    private const int Chunk = 16;
    private const ulong Seed = 1;

    // Hundreds of megabytes, hashed once for both parts.
    private readonly Lazy<string> _autoencoder = new(() => ImportedModels.HashOfFolder(model.Autoencoder!));

    /// <summary>What latents depend on beside the pictures, as a line; empty where there is no autoencoder.</summary>
    public string Description => model.Autoencoder is null ? "" : $"{Mode(settings)} {_autoencoder.Value}\n";

    /// <summary>The samples of a part.</summary>
    /// <param name="data">Its pictures.</param>
    /// <param name="test">True for the test part.</param>
    /// <param name="cancel">Stops between pictures.</param>
    public HeldPart Part(IImageDataset data, bool test, CancellationToken cancel)
    {
        int[] labels = [.. Sequences.Range(0, data.Count).Select(data.Label)];
        return new HeldPart(
            data,
            labels,
            toPlan ? null
                : pictures is null ? Pixels(data)
                : Split(Latents(data, test, cancel))
        );
    }

    private static string Mode(LatentSettings settings) => settings.Mean ? "mean" : "draw";

    private static byte[][] Pixels(IImageDataset data)
    {
        var samples = new byte[data.Count][];
        for (var i = 0; i < samples.Length; i++)
            data.CopyImage(i, samples[i] = new byte[data.SampleBytes]);
        return samples;
    }

    /// <summary>Samples behind one another as one each.</summary>
    internal byte[][] Split(float[] numbers)
    {
        var each = model.Input.Numbers;
        var samples = new byte[numbers.Length / each][];
        for (var i = 0; i < samples.Length; i++)
            samples[i] = MemoryMarshal.AsBytes(numbers.AsSpan(i * each, each)).ToArray();
        return samples;
    }

    private float[] Latents(IImageDataset data, bool test, CancellationToken cancel)
    {
        var (input, part) = (model.Input, test ? "test" : "train");
        var program = ProgramHash.Current(host.Device.Kernels);
        var key = new ContentKey(
            ("format", "lur latents 1"),
            ("pictures", data.Fingerprint()),
            ("part", part),
            ("autoencoder", _autoencoder.Value),
            ("of the distribution", Mode(settings)),
            ("size", input.ToString()),
            ("kernels", program.Kernels),
            ("library", program.Library)
        );
        long[] shape = [data.Count, input.Channels, input.Height, input.Width];
        return cache.GetOrMake(key, $"latents of the {part} part", shape, () => Encode(data, part, cancel));
    }

    private float[] Encode(IImageDataset data, string part, CancellationToken cancel)
    {
        using var stage = host.Progress.Stage($"encode {part} part", data.Count, "pictures");
        var each = model.Input.Numbers;
        var latents = new float[data.Count * each];
        var bytes = new byte[Chunk * data.SampleBytes];
        for (var first = 0; first < data.Count; first += Chunk)
        {
            cancel.ThrowIfCancellationRequested();
            var n = Math.Min(Chunk, data.Count - first);
            for (var i = 0; i < n; i++)
                data.CopyImage(first + i, bytes.AsSpan(i * data.SampleBytes, data.SampleBytes));
            var start = first;
            Action<int, Span<double>>? normal = settings.Mean ? null : (i, into) => Fill(into, part, data.Identify(start + i).Number);
            pictures!.Encode(bytes.AsSpan(0, n * data.SampleBytes), data.Channels, normal).CopyTo(latents, first * each);
            stage.Report(first + n);
        }

        return latents;
    }

    /// <summary>The draws of a picture: a function of its part and its number.</summary>
    internal static void Fill(Span<double> into, string part, int number)
    {
        var random = new RandomStream(Seed, "latents/" + part, number);
        for (var i = 0; i < into.Length; i++)
            into[i] = random.Normal();
    }
}
