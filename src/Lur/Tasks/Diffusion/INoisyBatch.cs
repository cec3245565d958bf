using Lur.Steps;

namespace Lur.Tasks.Diffusion;

/// <summary>Noisy images on the device, with what a network is to predict from them.</summary>
public interface INoisyBatch : IBatch
{
    /// <summary>x_t, real [N, H, W, C].</summary>
    Value Noisy { get; }

    /// <summary>Time steps t, int [N].</summary>
    Value Times { get; }

    /// <summary>Classes as the network is given them, int [N]; null for a network without.</summary>
    Value? Classes { get; }

    /// <summary>Rows of prompts, real [N, rows, width], for a network that is given them in place of numbers; null for another.</summary>
    Value? Context => null;

    /// <summary>What the output is to be: the noise, the velocity or the image; shape of <see cref="Noisy"/>.</summary>
    Value Target { get; }
}
