namespace Lur.Data;

/// <summary>Mean and standard deviation of each channel, for pixels scaled to [0, 1].</summary>
/// <param name="Mean">One value a channel.</param>
/// <param name="StandardDeviation">One value a channel: of the population, over all pixels of all samples.</param>
public sealed record ChannelStatistics(IReadOnlyList<double> Mean, IReadOnlyList<double> StandardDeviation)
{
    private static readonly ChannelStatistics s_cifar10 = new([.4914, .4822, .4465], [.2470, .2435, .2616]);
    private static readonly ChannelStatistics s_cifar100 = new([.5071, .4866, .4409], [.2673, .2564, .2762]);

    /// <summary>
    /// The constants that published models of CIFAR-10 and CIFAR-100 use (those of the SalUn and ScissorHands code,
    /// models/ResNet.py), measured for every other set.
    /// </summary>
    /// <param name="data">A training set.</param>
    public static ChannelStatistics Of(IImageDataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return data.Name switch
        {
            "cifar10" => s_cifar10,
            "cifar100" => s_cifar100,
            _ => Measure(data),
        };
    }

    /// <summary>Measures in one pass over the samples. The sums are of integers and exact, so the order cannot matter.</summary>
    /// <param name="data">A set with at least one sample.</param>
    /// <remarks>A channel without variation gets a deviation of 1, so that division by it leaves zero.</remarks>
    public static ChannelStatistics Measure(IImageDataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var sample = new byte[data.SampleBytes];
        var plane = data.Height * data.Width;
        var sum = new UInt128[data.Channels];
        var squares = new UInt128[data.Channels];
        for (var i = 0; i < data.Count; i++)
        {
            data.CopyImage(i, sample);
            for (var c = 0; c < data.Channels; c++)
            {
                ulong s = 0,
                    q = 0;
                foreach (var b in sample.AsSpan(c * plane, plane))
                {
                    s += b;
                    q += (uint)(b * b);
                }
                sum[c] += s;
                squares[c] += q;
            }
        }
        return FromSums(sum, squares, (UInt128)plane * (UInt128)data.Count);
    }

    // The variance is (n q - s^2) / n^2 in exact integers: no cancellation, however flat the channel.
    private static ChannelStatistics FromSums(UInt128[] sum, UInt128[] squares, UInt128 n)
    {
        double[] mean = new double[sum.Length],
            deviation = new double[sum.Length];
        for (var c = 0; c < sum.Length; c++)
        {
            mean[c] = (double)sum[c] / (255.0 * (double)n);
            var spread = n * squares[c] - sum[c] * sum[c];
            deviation[c] = spread == 0 ? 1 : Math.Sqrt((double)spread) / (255.0 * (double)n);
        }
        return new ChannelStatistics(mean, deviation);
    }
}
