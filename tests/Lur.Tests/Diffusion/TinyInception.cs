using System.Text;
using Lur.Checkpoints;
using Lur.Models;

namespace Lur.Tests.Diffusion;

/// <summary>An InceptionV3 network of a sixteenth of the width whose weights are a function of their names: those of
/// Golden/write_inception.py.</summary>
internal static class TinyInception
{
    public const int Divisor = 16,
        Features = InceptionV3.Features / Divisor;

    /// <summary>The least side that all blocks have a pixel of, for tests in which the features may be any.</summary>
    public const int Side = 75;

    /// <summary>Writes a file of weights.</summary>
    /// <param name="path">The file.</param>
    /// <param name="reshape">Another shape of a tensor; empty to leave it out, null to leave it as it is.</param>
    /// <param name="negative">A tensor whose first number is -1.</param>
    public static void Write(string path, Func<string, long[]?>? reshape = null, string? negative = null)
    {
        var writer = new SafeTensorsWriter();
        foreach (var tensor in InceptionFile.Expected(InceptionV3.Build(InceptionV3.Side, Divisor)).Where(t => !t.Optional))
        {
            var shape = reshape?.Invoke(tensor.Name) ?? [.. tensor.Shape];
            if (shape.Length == 0)
                continue;
            double[] values = [.. Values(tensor.Name, shape)];
            if (tensor.Name == negative)
                values[0] = -1;
            // The classifier is not run; in the type of published files.
            if (tensor.Name.StartsWith("fc.", StringComparison.Ordinal))
                writer.Add<float>(tensor.Name, shape, Array.ConvertAll(values, v => (float)v));
            else
                writer.Add<double>(tensor.Name, shape, values);
        }

        writer.Save(path);
    }

    /// <summary>Numbers from 0 to 1, a function of a name and of their places.</summary>
    public static double[] Uniform(string name, int count)
    {
        var hash = 2166136261u;
        foreach (var b in Encoding.UTF8.GetBytes(name))
            hash = (hash ^ b) * 16777619u;
        var values = new double[count];
        for (var i = 0; i < count; i++)
        {
            var v = ((uint)i * 2654435761u) + hash;
            for (var round = 0; round < 2; round++)
                v = (v ^ (v >> 16)) * 0x45D9F3Bu;
            values[i] = (v ^ (v >> 16)) / 4294967296.0;
        }

        return values;
    }

    private static IEnumerable<double> Values(string name, long[] shape)
    {
        var count = (int)shape.Aggregate((a, b) => a * b);
        var bound = Math.Sqrt(6.0 * shape[0] / count);
        var (first, last) =
            shape.Length == 4 ? (-bound, bound)
            : name.EndsWith("running_var", StringComparison.Ordinal) ? (0.25, 1.25)
            : name.EndsWith(".bn.weight", StringComparison.Ordinal) ? (0.5, 1.5)
            : (-0.5, 0.5);
        return Uniform(name, count).Select(u => first + ((last - first) * u));
    }
}
