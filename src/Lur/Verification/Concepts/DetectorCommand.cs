using System.Diagnostics;
using System.Globalization;
using Lur.Data;

namespace Lur.Verification.Concepts;

/// <summary>A detector of a concept that is another program: it is given a folder of PNG images in place of {dir}, and prints a line for
/// each, its name and a score.</summary>
/// <param name="command">The command, for <c>/bin/sh</c>, with {dir} in it.</param>
internal sealed class DetectorCommand(string command)
{
    private const string Place = "{dir}";

    /// <summary>Asks the program.</summary>
    /// <param name="images">Bytes [n, C, H, W].</param>
    /// <param name="size">Channels, rows and columns.</param>
    /// <param name="cancel">Stops the program.</param>
    /// <returns>A score of each image.</returns>
    /// <exception cref="UserErrorException">It cannot be run, fails, or does not give every image a number.</exception>
    public double[] Score(ReadOnlySpan<byte> images, (int Channels, int Height, int Width) size, CancellationToken cancel = default)
    {
        if (!command.Contains(Place, StringComparison.Ordinal))
            throw new UserErrorException($"The detector '{command}' has no {Place}, which stands for the folder with the images.");
        var folder = Directory.CreateTempSubdirectory("lur-detector-").FullName;
        try
        {
            var length = size.Channels * size.Height * size.Width;
            var names = new string[images.Length / length];
            for (var i = 0; i < names.Length; i++)
            {
                names[i] = i.ToString("D5", CultureInfo.InvariantCulture) + ".png";
                using var file = File.Create(Path.Combine(folder, names[i]));
                PngEncoder.Write(
                    file,
                    size.Width,
                    size.Height,
                    size.Channels,
                    Interleaved(images.Slice(i * length, length), size.Channels)
                );
            }

            return Read(Run(folder, cancel), names);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private string Run(string folder, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(command.Replace(Place, "'" + folder + "'", StringComparison.Ordinal));
        using var process = Process.Start(start)!;
        using var stop = cancel.Register(() => process.Kill(entireProcessTree: true));
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        cancel.ThrowIfCancellationRequested();
        if (process.ExitCode == 0)
            return output;
        var said = errors.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
        throw new UserErrorException(
            $"The detector '{command}' ended with {process.ExitCode}{(said is null ? "" : $" ({said.TrimEnd('.')})")}; run it by hand on a "
                + "folder of PNG images."
        );
    }

    private double[] Read(string output, string[] names)
    {
        var scores = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (
                parts.Length == 2
                && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var score)
                && double.IsFinite(score)
            )
                scores[Path.GetFileName(parts[0])] = score;
        }

        return
        [
            .. names.Select(name =>
                scores.TryGetValue(name, out var score)
                    ? score
                    : throw new UserErrorException(
                        $"The detector '{command}' printed no number for {name}; it is to print a line 'NAME SCORE' for every image of "
                            + "the folder, for example '00000.png 0.93'."
                    )
            ),
        ];
    }

    private static byte[] Interleaved(ReadOnlySpan<byte> chw, int channels)
    {
        var (pixels, hwc) = (chw.Length / channels, new byte[chw.Length]);
        for (var i = 0; i < chw.Length; i++)
            hwc[(i % pixels * channels) + (i / pixels)] = chw[i];
        return hwc;
    }
}
