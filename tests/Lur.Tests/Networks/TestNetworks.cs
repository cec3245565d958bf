using Lur.Device;
using Lur.Models;
using Lur.Tests.Device;

namespace Lur.Tests.Networks;

/// <summary>Small networks with every kind of layer, at odd sizes.</summary>
internal static class TestNetworks
{
    /// <summary>Architecture, image height, width and channels, batch, classes.</summary>
    public static readonly object[] Cases =
    [
        new object[] { "resnet[1,1]:w5:stem3", 7, 5, 3, 3, 4 },
        new object[] { "resnet[1,2]:w3:stem7", 19, 13, 1, 2, 3 },
        new object[] { "resnet[2]:w8:stem3", 1, 1, 2, 5, 2 },
        new object[] { "resnet[1,1,1]:w16:stem3", 9, 11, 3, 1, 1 },
    ];

    /// <summary>A model with random weights, scales and running statistics: nothing is 0 or 1 by accident.</summary>
    public static Model Create(
        ComputeDevice device,
        Precision precision,
        string architecture,
        int height,
        int width,
        int channels,
        int classes,
        TestRandom random
    )
    {
        var spec = ModelFamilies.Parse(architecture, new ImageSize(height, width, channels), classes);
        var normalization = new InputNormalization(new double[channels], [.. Enumerable.Repeat(1.0, channels)]);
        var model = new Model(device, precision, spec, [.. Enumerable.Range(0, classes).Select(i => $"c{i}")], normalization);
        var parameters = random.NormalArray(model.Parameters.Count);
        foreach (var slot in model.Parameters.Layout.Slots)
        {
            var scale = slot.IsNormalization ? 0.2 : Math.Sqrt(2.0 / slot.FanIn);
            for (var i = slot.Offset; i < slot.End; i++)
                parameters[i] =
                    (parameters[i] * scale)
                    + (
                        slot.Name.EndsWith("bn1.weight", StringComparison.Ordinal)
                        || slot.Name.EndsWith("bn2.weight", StringComparison.Ordinal)
                            ? 1
                            : 0
                    );
        }

        model.Parameters.Set(parameters);
        model.Buffers.Set(random.UniformArray(model.Buffers.Count, 0.5, 1.5));
        return model;
    }

    public static int[] Labels(int count, int classes, TestRandom random) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Below(classes))];
}
