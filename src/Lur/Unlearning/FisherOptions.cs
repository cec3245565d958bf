namespace Lur.Unlearning;

/// <summary>Options of a Fisher pass that several methods share.</summary>
[Options]
public partial record FisherOptions : OptionRecord
{
    /// <summary>Samples a squared gradient is the mean of; above 1 it is not the Fisher diagonal, but faster.</summary>
    [Option("fisher-batch", 1, Source = "definition of the Fisher diagonal", Least = 1, Most = 65536)]
    public partial int FisherBatch { get; init; }

    /// <summary>Samples behind the Fisher diagonal of the data that is kept, drawn at random; 0 takes all.</summary>
    [Option("fisher-samples", 0, Source = "paper: all", Least = 0)]
    public partial int FisherSamples { get; init; }

    /// <summary>Random changes of the images under the gradients, those the model was trained with.</summary>
    [Option("fisher-augment", false, Source = "off: gradients of the data itself")]
    public partial bool FisherAugment { get; init; }
}
