using Lur.Data;

namespace Lur.Tests.Data;

public class ScratchJpegTests
{
    [Test]
    public void All()
    {
        var worst = 0;
        var name = "";
        var n = 0;
        double sum = 0;
        long count = 0;
        foreach (var raw in Directory.GetFiles("/tmp/data-jpegs", "*.raw"))
        {
            var b = File.ReadAllBytes(raw);
            int w = BitConverter.ToInt32(b),
                h = BitConverter.ToInt32(b, 4);
            var ours = new byte[3 * w * h];
            ImageFile.Read(raw[..^4] + ".jpg", 3, w, h, ours);
            var here = 0;
            for (var i = 0; i < ours.Length; i++)
            {
                var d = Math.Abs(ours[i] - b[8 + i % (w * h) * 3 + i / (w * h)]);
                here = Math.Max(here, d);
                sum += d;
                count++;
            }
            if (here > 3)
                TestContext.Out.WriteLine($"{Path.GetFileName(raw)} {here}");
            if (here > worst)
                (worst, name) = (here, raw);
            n++;
        }
        TestContext.Out.WriteLine($"files {n} worst {worst} {name} mean {sum / count}");
        Assert.That(worst, Is.LessThan(4));
    }
}
