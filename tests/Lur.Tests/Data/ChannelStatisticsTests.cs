using Lur.Data;

namespace Lur.Tests.Data;

public class ChannelStatisticsTests
{
    [Test]
    public void MatchesTwoPassesInDouble()
    {
        var data = new SyntheticDataset(17, 1, SyntheticPart.Train);
        var measured = ChannelStatistics.Measure(data);
        for (var c = 0; c < 3; c++)
        {
            var values = new List<double>();
            var sample = new byte[data.SampleBytes];
            for (var i = 0; i < data.Count; i++)
            {
                data.CopyImage(i, sample);
                values.AddRange(sample.Skip(1024 * c).Take(1024).Select(b => b / 255.0));
            }
            double mean = values.Average(),
                deviation = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
            // The measured sums are exact; 17408 additions in double lose at most 17408 * 1.1e-16 relative.
            Assert.That(measured.Mean[c], Is.EqualTo(mean).Within(2e-12 * mean));
            Assert.That(measured.StandardDeviation[c], Is.EqualTo(deviation).Within(2e-12 * mean));
        }
    }

    [Test]
    public void AFlatChannelGetsADeviationOfOne()
    {
        using var folder = new TempFolder();
        using var data = CifarDataset.Open(CifarKind.Cifar10, [folder.Write("x", [1, .. Enumerable.Repeat((byte)51, 3072)])]);
        var measured = ChannelStatistics.Measure(data);
        Assert.That(measured.Mean, Is.All.EqualTo(0.2).Within(1e-15));
        Assert.That(measured.StandardDeviation, Is.All.EqualTo(1));
        // Models of CIFAR carry the published constants, whatever subset of it is at hand.
        Assert.That(ChannelStatistics.Of(data).Mean, Is.EqualTo(new[] { .4914, .4822, .4465 }));
    }
}
