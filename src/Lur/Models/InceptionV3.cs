using Lur.Layers;

namespace Lur.Models;

/// <summary>InceptionV3 (Szegedy et al. 2016) without its classifier, as the Fréchet Inception distance uses it (Heusel et al. 2017):
/// average pools do not count their padding, and the last block pools by the maximum. Modules have torchvision's names.</summary>
internal sealed class InceptionV3
{
    /// <summary>Side of the images it takes, pixels.</summary>
    public const int Side = 299;

    /// <summary>Numbers of a feature, of the whole width.</summary>
    public const int Features = 2048;

    /// <summary>Outputs of the classifier that lies in the file and is not run.</summary>
    public const int Classes = 1008;

    private const double Epsilon = 1e-3;
    private readonly Network _network;
    private readonly Dictionary<int, int> _channels = new() { [-1] = 3 };
    private readonly int _divisor;

    private InceptionV3(int side, int divisor) => (_network, _divisor) = (new Network(side, side, 3), divisor);

    /// <summary>Builds the network: images [N, side, side, 3] in [-1, 1] to features [N, 2048].</summary>
    /// <param name="side">Side of the images, at least 75.</param>
    /// <param name="divisor">Divides every number of channels; 1 is the network, 2, 4, 8 and 16 are narrower ones of its shape.</param>
    public static Network Build(int side = Side, int divisor = 1)
    {
        var net = new InceptionV3(side, divisor);
        var x = net.Convolution("Conv2d_1a_3x3", -1, 32, 3, 2, 0);
        x = net.Convolution("Conv2d_2b_3x3", net.Convolution("Conv2d_2a_3x3", x, 32, 3, 1, 0), 64, 3);
        x = net.Convolution("Conv2d_3b_1x1", net.Max("maxpool1", x, 2, 0), 80, 1);
        x = net.Max("maxpool2", net.Convolution("Conv2d_4a_3x3", x, 192, 3, 1, 0), 2, 0);
        foreach (var (name, pool) in new[] { ("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64) })
            x = net.BlockA(name, x, pool);
        x = net.BlockB("Mixed_6a", x);
        foreach (var (name, width) in new[] { ("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192) })
            x = net.BlockC(name, x, width);
        x = net.BlockD("Mixed_7a", x);
        x = net.BlockE("Mixed_7b", x, maximum: false);
        x = net.BlockE("Mixed_7c", x, maximum: true);
        net._network.Add(new GlobalAveragePool("avgpool"), x);
        return net._network;
    }

    private int BlockA(string name, int x, int pool)
    {
        var five = Convolution($"{name}.branch5x5_2", Convolution($"{name}.branch5x5_1", x, 48, 1), 64, 5);
        var twice = Convolution($"{name}.branch3x3dbl_2", Convolution($"{name}.branch3x3dbl_1", x, 64, 1), 96, 3);
        return Join(
            name,
            Convolution($"{name}.branch1x1", x, 64, 1),
            five,
            Convolution($"{name}.branch3x3dbl_3", twice, 96, 3),
            Convolution($"{name}.branch_pool", Average(name, x), pool, 1)
        );
    }

    private int BlockB(string name, int x)
    {
        var twice = Convolution($"{name}.branch3x3dbl_2", Convolution($"{name}.branch3x3dbl_1", x, 64, 1), 96, 3);
        return Join(
            name,
            Convolution($"{name}.branch3x3", x, 384, 3, 2, 0),
            Convolution($"{name}.branch3x3dbl_3", twice, 96, 3, 2, 0),
            Max($"{name}.pool", x, 2, 0)
        );
    }

    private int BlockC(string name, int x, int width)
    {
        var seven = Row($"{name}.branch7x7_2", Convolution($"{name}.branch7x7_1", x, width, 1), width, 7);
        var twice = Column($"{name}.branch7x7dbl_2", Convolution($"{name}.branch7x7dbl_1", x, width, 1), width, 7);
        twice = Column($"{name}.branch7x7dbl_4", Row($"{name}.branch7x7dbl_3", twice, width, 7), width, 7);
        return Join(
            name,
            Convolution($"{name}.branch1x1", x, 192, 1),
            Column($"{name}.branch7x7_3", seven, 192, 7),
            Row($"{name}.branch7x7dbl_5", twice, 192, 7),
            Convolution($"{name}.branch_pool", Average(name, x), 192, 1)
        );
    }

    private int BlockD(string name, int x)
    {
        var three = Convolution($"{name}.branch3x3_2", Convolution($"{name}.branch3x3_1", x, 192, 1), 320, 3, 2, 0);
        var seven = Row($"{name}.branch7x7x3_2", Convolution($"{name}.branch7x7x3_1", x, 192, 1), 192, 7);
        seven = Convolution($"{name}.branch7x7x3_4", Column($"{name}.branch7x7x3_3", seven, 192, 7), 192, 3, 2, 0);
        return Join(name, three, seven, Max($"{name}.pool", x, 2, 0));
    }

    private int BlockE(string name, int x, bool maximum)
    {
        var one = Convolution($"{name}.branch1x1", x, 320, 1);
        var three = Convolution($"{name}.branch3x3_1", x, 384, 1);
        var twice = Convolution($"{name}.branch3x3dbl_2", Convolution($"{name}.branch3x3dbl_1", x, 448, 1), 384, 3);
        var pooled = maximum ? Max($"{name}.pool", x, 1, 1) : Average(name, x);
        return Join(
            name,
            one,
            Row($"{name}.branch3x3_2a", three, 384, 3),
            Column($"{name}.branch3x3_2b", three, 384, 3),
            Row($"{name}.branch3x3dbl_3a", twice, 384, 3),
            Column($"{name}.branch3x3dbl_3b", twice, 384, 3),
            Convolution($"{name}.branch_pool", pooled, 192, 1)
        );
    }

    // Without a padding: the one that keeps the size.
    private int Convolution(string name, int x, int channels, int size, int stride = 1, int? pad = null) =>
        Normalised(
            new Convolution(
                $"{name}.conv",
                _channels[x],
                channels / _divisor,
                size,
                stride,
                pad is { } p ? Padding.Symmetric(p) : Padding.Same(size)
            ),
            name,
            x,
            channels / _divisor
        );

    private int Row(string name, int x, int channels, int size) => Line(name, x, channels, (1, size));

    private int Column(string name, int x, int channels, int size) => Line(name, x, channels, (size, 1));

    private int Line(string name, int x, int channels, (int Height, int Width) size) =>
        Normalised(new Convolution($"{name}.conv", _channels[x], channels / _divisor, size), name, x, channels / _divisor);

    private int Normalised(Convolution convolution, string name, int x, int channels)
    {
        var y = _network.Add(convolution, x);
        return Keep(_network.Add(new BatchNorm($"{name}.bn", channels, relu: true, Epsilon), y), channels);
    }

    private int Max(string name, int x, int stride, int pad) => Keep(_network.Add(new MaxPool(name, 3, stride, pad), x), _channels[x]);

    private int Average(string name, int x) => Keep(_network.Add(new AveragePool($"{name}.pool", 3, 1, 1), x), _channels[x]);

    private int Join(string name, params int[] parts) => Keep(_network.Add(new Concat(name), parts), parts.Sum(p => _channels[p]));

    private int Keep(int node, int channels)
    {
        _channels[node] = channels;
        return node;
    }
}
