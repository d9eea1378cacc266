SELECT measure, actual, model, naive AS same_again
  FROM crm.backtest(:'workspace', :'calibration_end', :'as_of', :'kind')
