namespace Lur.Unlearning;

/// <summary>Options of a Fisher pass that several methods share.</summary>
public static class FisherOptions
{
    /// <summary>The options on the command line.</summary>
    public static IReadOnlyList<MethodOption> List() =>
        [
            MethodOption.Integer(
                "fisher-batch",
                1,
                "Samples a squared gradient is the mean of; above 1 it is not the Fisher diagonal, but faster.",
                "definition of the Fisher diagonal"
            ),
            MethodOption.Integer(
                "fisher-samples",
                0,
                "Samples behind the Fisher diagonal of the data that is kept, drawn at random; 0 takes all.",
                "paper: all"
            ),
            MethodOption.Flag(
                "fisher-augment",
                "Random changes of the images under the gradients, those the model was trained with.",
                "off: gradients of the data itself"
            ),
        ];

    /// <summary>Refuses values out of range.</summary>
    /// <exception cref="UserErrorException">One is.</exception>
    public static void Check(OptionValues values) => _ = (values.Integer("fisher-batch", 1, 65536), values.Integer("fisher-samples"));
}
