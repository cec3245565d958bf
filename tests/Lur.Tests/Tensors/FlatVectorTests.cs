using Lur.Device;
using Lur.Tensors;
using Lur.Tests.Device;

namespace Lur.Tests.Tensors;

public class FlatVectorTests
{
    private static FlatVector Create(Precision precision, int first, int second)
    {
        var layout = new ParameterLayout();
        layout.Add("a", ParameterKind.Matrix, new Shape(1, first));
        layout.Add("b", ParameterKind.Matrix, new Shape(1, second));
        return new FlatVector(TestDevices.Default, precision, layout, "x");
    }

    [Test]
    public void ATensorIsReadAndWrittenByItself()
    {
        using var x = Create(Precision.Float32, 3, 4);
        var (a, b) = (x.Layout.Slots[0], x.Layout.Slots[1]);
        x.Set([0f, 1, 2, 3, 4, 5, 6]);
        var read = new float[b.Count];
        x.Read<float>(b.Offset, read);
        Assert.That(read, Is.EqualTo(new[] { 3f, 4, 5, 6 }));
        x.Write<float>(a.Offset + 1, [8, 9]);
        Assert.That(x.ToArray(), Is.EqualTo(new double[] { 0, 8, 9, 3, 4, 5, 6 }));
        x.Read(0, Span<float>.Empty);
    }

    [Test]
    public void AnotherTypeOrPlaceIsRefused()
    {
        using var narrow = Create(Precision.Float32, 3, 4);
        using var wide = Create(Precision.Float64, 3, 4);
        Assert.Throws<ArgumentException>(() => narrow.Read(0, new double[1].AsSpan()));
        Assert.Throws<ArgumentException>(() => wide.Write<float>(0, [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => wide.Write<double>(6, [1, 2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => wide.Read(-1, new double[1].AsSpan()));
    }

    // Longer than the part that is converted at a time, and no multiple of it.
    [Test]
    public void LongVectorsAreConvertedInParts()
    {
        using var x = Create(Precision.Float32, 1 << 17, 77);
        var values = new double[x.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = i / 3.0;
        x.Set(values);
        Assert.That(x.ToArray(), Is.EqualTo(Array.ConvertAll(values, v => (double)(float)v)));
        Assert.That(x.ToFloatArray(), Is.EqualTo(Array.ConvertAll(values, v => (float)v)));
    }
}
